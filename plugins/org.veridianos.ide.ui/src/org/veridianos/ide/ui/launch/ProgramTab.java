package org.veridianos.ide.ui.launch;

import org.eclipse.core.runtime.CoreException;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.eclipse.debug.core.ILaunchConfigurationWorkingCopy;
import org.eclipse.debug.ui.AbstractLaunchConfigurationTab;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.Image;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Text;
import org.veridianos.ide.launch.LaunchAttributes;
import org.veridianos.ide.ui.Images;

/** Which program of the initrd runs. */
final class ProgramTab extends AbstractLaunchConfigurationTab {

    private Text program;

    @Override
    public void createControl(Composite parent) {
        Composite area = new Composite(parent, SWT.NONE);
        GridLayoutFactory.swtDefaults().numColumns(2).applyTo(area);
        new Label(area, SWT.NONE).setText(Messages.ProgramTab_program);
        program = new Text(area, SWT.BORDER);
        program.setMessage(Messages.ProgramTab_none);
        GridDataFactory.fillDefaults().grab(true, false).align(SWT.FILL, SWT.CENTER).applyTo(program);
        Label hint = new Label(area, SWT.WRAP);
        hint.setText(Messages.ProgramTab_hint);
        GridDataFactory.fillDefaults().span(2, 1).grab(true, false).hint(380, SWT.DEFAULT).applyTo(hint);
        program.addListener(SWT.Modify, e -> updateLaunchConfigurationDialog());
        setControl(area);
    }

    @Override
    public void setDefaults(ILaunchConfigurationWorkingCopy configuration) {
        configuration.removeAttribute(LaunchAttributes.PROGRAM);
    }

    @Override
    public void initializeFrom(ILaunchConfiguration configuration) {
        try {
            program.setText(configuration.getAttribute(LaunchAttributes.PROGRAM, ""));
        } catch (CoreException unreadable) {
            setErrorMessage(unreadable.getStatus().getMessage());
        }
    }

    @Override
    public void performApply(ILaunchConfigurationWorkingCopy configuration) {
        Attributes.set(configuration, LaunchAttributes.PROGRAM, program.getText());
    }

    @Override
    public String getName() {
        return Messages.ProgramTab_name;
    }

    @Override
    public Image getImage() {
        return Images.get(Images.PROGRAM);
    }
}
