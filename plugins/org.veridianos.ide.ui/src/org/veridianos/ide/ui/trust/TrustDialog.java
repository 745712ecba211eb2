package org.veridianos.ide.ui.trust;

import java.nio.file.Path;
import org.eclipse.jface.dialogs.IDialogConstants;
import org.eclipse.jface.dialogs.MessageDialog;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.widgets.Shell;

/** The question. The careful answer is the default. */
final class TrustDialog {

    private TrustDialog() {
    }

    /** @return whether the user trusts {@code location}. UI thread only. */
    static boolean ask(Shell parent, Path location) {
        MessageDialog dialog = new MessageDialog(parent, Messages.Trust_title, null, NLS.bind(Messages.Trust_question, location),
                MessageDialog.WARNING, 1, Messages.Trust_yes, Messages.Trust_no);
        return dialog.open() == IDialogConstants.OK_ID;
    }
}
