package org.veridianos.views.ui.tests;

import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.core.resources.IWorkspace;
import org.eclipse.core.resources.IWorkspaceDescription;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.NullProgressMonitor;
import org.eclipse.debug.core.DebugPlugin;
import org.eclipse.debug.core.ILaunch;
import org.eclipse.debug.core.ILaunchConfigurationWorkingCopy;
import org.eclipse.debug.core.ILaunchManager;
import org.veridianos.ide.launch.LaunchAttributes;
import org.veridianos.ide.launch.LaunchConfigurations;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.launch.Machines;
import org.veridianos.ide.launch.ReadyLine;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.project.OpenCheckout;
import org.veridianos.ide.project.Trust;

/** The checkout's own kernel, booted by the launch configuration as a user would; what was built already is not built again. */
final class Guest {

    private static final Path KERNEL = Path.of(System.getProperty("veridian.root"), "kernel");

    private Guest() {
    }

    static KernelProject project() throws CoreException {
        IWorkspace workspace = ResourcesPlugin.getWorkspace();
        IWorkspaceDescription description = workspace.getDescription();
        description.setAutoBuilding(false);
        workspace.setDescription(description);
        Trust.trust(KERNEL);
        return new OpenCheckout(KERNEL).execute(new NullProgressMonitor());
    }

    /** A machine on which init is ready, or a program runs; {@code program} empty for init alone. */
    static MachineProcess boot(String architecture, int cpus, String program) throws CoreException {
        return boot(project(), architecture, cpus, program, false);
    }

    /** The same with a kernel of any project; {@code outlives} for one that stays when the IDE is closed. */
    static MachineProcess boot(KernelProject project, String architecture, int cpus, String program, boolean outlives) throws CoreException {
        ILaunchConfigurationWorkingCopy copy = LaunchConfigurations.of(project, architecture).getWorkingCopy().copy(architecture + " " + cpus + " " + program);
        copy.setAttribute(LaunchAttributes.PROJECT, project.name());
        copy.setAttribute(LaunchAttributes.OUTLIVES, outlives);
        copy.setAttribute(LaunchAttributes.PROFILE, architecture);
        copy.setAttribute(LaunchAttributes.CPUS, cpus);
        copy.setAttribute(LaunchAttributes.PROGRAM, program);
        ILaunch launch = copy.launch(ILaunchManager.RUN_MODE, new NullProgressMonitor(), true);
        MachineProcess machine = (MachineProcess) launch.getProcesses()[0];
        try {
            ReadyLine.of(machine).get(60, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException | InterruptedException notReady) {
            throw new AssertionError(machine.reason().orElse("init is not ready"), notReady);
        }
        return machine;
    }

    static void endAll() throws CoreException {
        for (MachineProcess process : Machines.running()) {
            process.terminate();
        }
        for (ILaunch launch : DebugPlugin.getDefault().getLaunchManager().getLaunches()) {
            DebugPlugin.getDefault().getLaunchManager().removeLaunch(launch);
        }
    }
}
