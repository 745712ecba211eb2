package org.veridianos.ide.ui.wizards;

import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.ILog;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.OperationCanceledException;
import org.eclipse.jface.dialogs.ErrorDialog;
import org.eclipse.jface.wizard.Wizard;
import org.eclipse.osgi.util.NLS;
import org.eclipse.ui.IPageLayout;
import org.eclipse.ui.IWorkbench;
import org.eclipse.ui.IWorkbenchPage;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.WorkbenchException;
import org.eclipse.ui.wizards.newresource.BasicNewResourceWizard;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.ui.Images;
import org.veridianos.ide.ui.VeridianPerspective;

/** Runs a project operation with progress and cancel in the dialog, then shows the project in its perspective. */
abstract class KernelWizard extends Wizard {

    /** What makes the project. */
    interface Operation {
        KernelProject execute(IProgressMonitor monitor) throws CoreException;
    }

    KernelWizard() {
        setNeedsProgressMonitor(true);
        setDefaultPageImageDescriptor(Images.descriptor(Images.WIZARD));
    }

    /** @return whether the dialog may close. */
    final boolean run(String what, Operation operation) {
        AtomicReference<KernelProject> made = new AtomicReference<>();
        try {
            getContainer().run(true, true, monitor -> {
                try {
                    made.set(operation.execute(monitor));
                } catch (CoreException failed) {
                    throw new InvocationTargetException(failed);
                } catch (OperationCanceledException cancelled) {
                    throw new InterruptedException();
                }
            });
        } catch (InterruptedException cancelled) {
            return false;
        } catch (InvocationTargetException failed) {
            if (failed.getCause() instanceof CoreException known) {
                ILog.of(KernelWizard.class).log(known.getStatus());
                ErrorDialog.openError(getShell(), getWindowTitle(), NLS.bind(Messages.KernelWizard_failed, what), known.getStatus());
                return false;
            }
            throw new IllegalStateException(failed.getCause());
        }
        reveal(made.get());
        return true;
    }

    private static void reveal(KernelProject project) {
        IWorkbench workbench = PlatformUI.getWorkbench();
        IWorkbenchWindow window = workbench.getActiveWorkbenchWindow();
        if (project == null || window == null) {
            return;
        }
        workbench.getIntroManager().closeIntro(workbench.getIntroManager().getIntro());
        try {
            IWorkbenchPage page = workbench.showPerspective(VeridianPerspective.ID, window);
            page.showView(IPageLayout.ID_PROJECT_EXPLORER);
        } catch (WorkbenchException notShown) {
            ILog.of(KernelWizard.class).warn(notShown.getMessage(), notShown);
        }
        BasicNewResourceWizard.selectAndReveal(project.resource(), window);
    }
}
