package org.veridianos.ide.ui.commands;

import java.util.Optional;
import org.eclipse.core.commands.AbstractHandler;
import org.eclipse.core.commands.ExecutionEvent;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.eclipse.debug.core.ILaunchManager;
import org.eclipse.debug.ui.DebugUITools;
import org.eclipse.jface.dialogs.MessageDialog;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.handlers.HandlerUtil;
import org.eclipse.ui.ide.IDE;
import org.veridianos.build.Target;
import org.veridianos.ide.launch.LaunchConfigurations;
import org.veridianos.ide.project.KernelProject;

/** Saves, builds and boots the kernel on its active architecture, with a program if the parameter names one. Building and booting are the launch's own jobs. */
public final class BootHandler extends AbstractHandler {

    private static final String PROGRAM = "org.veridianos.ide.ui.boot.program";

    @Override
    public Object execute(ExecutionEvent event) {
        IWorkbenchWindow window = HandlerUtil.getActiveWorkbenchWindow(event);
        Optional<KernelProject> kernel = ActiveKernel.in(window);
        if (kernel.isEmpty()) {
            MessageDialog.openInformation(window.getShell(), Messages.Boot_title, Messages.Boot_noKernel);
            return null;
        }
        KernelProject project = kernel.get();
        if (IDE.saveAllEditors(new IResource[] {project.resource()}, false)) {
            boot(project, project.activeTarget(), event.getParameter(PROGRAM));
        }
        return null;
    }

    private static void boot(KernelProject project, Target target, String program) {
        Job job = Job.create(Messages.Boot_preparing, monitor -> {
            try {
                ILaunchConfiguration configuration = LaunchConfigurations.of(project, target.id(), program == null ? "" : program);
                PlatformUI.getWorkbench().getDisplay().asyncExec(() -> DebugUITools.launch(configuration, ILaunchManager.RUN_MODE));
                return Status.OK_STATUS;
            } catch (CoreException unwritable) {
                return unwritable.getStatus();
            }
        });
        job.setUser(true);
        job.schedule();
    }
}
