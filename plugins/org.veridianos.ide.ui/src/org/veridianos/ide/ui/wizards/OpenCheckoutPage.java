package org.veridianos.ide.ui.wizards;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.jface.wizard.WizardPage;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.widgets.Button;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.DirectoryDialog;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Text;
import org.veridianos.ide.project.OpenCheckout;

/** Which folder, and whether it is trusted. */
final class OpenCheckoutPage extends WizardPage {

    private Text folder;
    private Button trust;

    OpenCheckoutPage() {
        super("openCheckout", Messages.OpenCheckout_heading, null);
        setDescription(Messages.OpenCheckout_description);
    }

    @Override
    public void createControl(Composite parent) {
        Composite area = new Composite(parent, SWT.NONE);
        GridLayoutFactory.swtDefaults().numColumns(3).applyTo(area);
        new Label(area, SWT.NONE).setText(Messages.OpenCheckout_folder);
        folder = new Text(area, SWT.BORDER);
        GridDataFactory.fillDefaults().grab(true, false).align(SWT.FILL, SWT.CENTER).applyTo(folder);
        Button browse = new Button(area, SWT.PUSH);
        browse.setText(Messages.Wizard_browse);
        browse.addListener(SWT.Selection, e -> browse());
        trust = new Button(area, SWT.CHECK);
        trust.setText(Messages.OpenCheckout_trust);
        GridDataFactory.fillDefaults().span(3, 1).indent(0, 8).applyTo(trust);
        Label why = new Label(area, SWT.WRAP);
        why.setText(Messages.OpenCheckout_trustWhy);
        GridDataFactory.fillDefaults().span(3, 1).grab(true, false).hint(420, SWT.DEFAULT).applyTo(why);
        folder.addListener(SWT.Modify, e -> validate());
        setPageComplete(false);
        setControl(area);
    }

    private void browse() {
        DirectoryDialog dialog = new DirectoryDialog(getShell());
        dialog.setMessage(Messages.OpenCheckout_choose);
        dialog.setFilterPath(folder.getText());
        String chosen = dialog.open();
        if (chosen != null) {
            folder.setText(chosen);
        }
    }

    private void validate() {
        String text = folder.getText().strip();
        String error = null;
        if (!text.isEmpty()) {
            try {
                if (OpenCheckout.kernelIn(Path.of(text)).isEmpty()) {
                    error = NLS.bind(Messages.OpenCheckout_noKernel, text);
                }
            } catch (InvalidPathException malformed) {
                error = NLS.bind(Messages.OpenCheckout_noKernel, text);
            }
        }
        setErrorMessage(error);
        setPageComplete(error == null && !text.isEmpty());
    }

    Path folder() {
        return Path.of(folder.getText().strip());
    }

    boolean isTrusted() {
        return trust.getSelection();
    }
}
