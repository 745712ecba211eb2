package org.veridianos.ide.ui.wizards;

import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.swt.SWT;
import org.eclipse.swt.widgets.Button;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Group;
import org.eclipse.ui.dialogs.WizardNewProjectCreationPage;
import org.veridianos.build.Target;

/** Name and location, as every project wizard asks them, and the architecture to begin with. */
final class NewKernelProjectPage extends WizardNewProjectCreationPage {

    private Target target = Target.X86_64;

    NewKernelProjectPage() {
        super("newKernelProject");
        setTitle(Messages.NewProject_heading);
        setDescription(Messages.NewProject_description);
        setInitialProjectName(Messages.NewProject_initialName);
    }

    @Override
    public void createControl(Composite parent) {
        super.createControl(parent);
        Group group = new Group((Composite) getControl(), SWT.NONE);
        group.setText(Messages.NewProject_architecture);
        GridDataFactory.fillDefaults().grab(true, false).applyTo(group);
        GridLayoutFactory.swtDefaults().numColumns(Target.values().length).applyTo(group);
        for (Target each : Target.values()) {
            Button button = new Button(group, SWT.RADIO);
            button.setText(each.id());
            button.setSelection(each == target);
            button.addListener(SWT.Selection, e -> {
                if (button.getSelection()) {
                    target = each;
                }
            });
        }
    }

    Target target() {
        return target;
    }
}
