package org.veridianos.ide.ui.wizards;

import java.nio.file.Path;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.jface.viewers.IStructuredSelection;
import org.eclipse.ui.IImportWizard;
import org.eclipse.ui.INewWizard;
import org.eclipse.ui.IWorkbench;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.project.OpenCheckout;
import org.veridianos.ide.project.Trust;
import org.veridianos.ide.ui.trust.TrustPrompt;

/** Opens kernel sources in place. */
public final class OpenCheckoutWizard extends KernelWizard implements INewWizard, IImportWizard {

    private OpenCheckoutPage page;

    /** Called by the workbench. */
    public OpenCheckoutWizard() {
        setWindowTitle(Messages.OpenCheckout_title);
    }

    @Override
    public void init(IWorkbench workbench, IStructuredSelection selection) {
        // The folder is asked for; a selection cannot name one outside the workspace.
    }

    @Override
    public void addPages() {
        page = new OpenCheckoutPage();
        addPage(page);
    }

    @Override
    public boolean performFinish() {
        Path folder = page.folder();
        boolean trusted = page.isTrusted();
        return run(folder.toString(), monitor -> open(folder, trusted, monitor));
    }

    private static KernelProject open(Path folder, boolean trusted, IProgressMonitor monitor) throws CoreException {
        OpenCheckout.kernelIn(folder).ifPresent(kernel -> {
            TrustPrompt.asked(kernel);
            if (trusted) {
                Trust.trust(kernel);
            }
        });
        return new OpenCheckout(folder).execute(monitor);
    }
}
