package org.veridianos.ide.launch;

import java.util.Optional;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.SubMonitor;
import org.eclipse.debug.core.DebugPlugin;
import org.eclipse.debug.core.ILaunch;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.eclipse.debug.core.IStatusHandler;
import org.eclipse.debug.core.model.ILaunchConfigurationDelegate2;
import org.eclipse.debug.core.Launch;
import org.eclipse.osgi.util.NLS;
import org.veridianos.build.BuildResult;
import org.veridianos.build.Image;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.Messages;
import org.veridianos.ide.build.BuildOperation;
import org.veridianos.machine.Machine;
import org.veridianos.machine.MachineException;

/**
 * Boots a kernel: asks for trust, builds the machine's own architecture (the project's active one stays as it is), starts
 * QEMU. Compile errors end the launch with the first error; the markers show the rest.
 */
public final class MachineLaunchDelegate implements ILaunchConfigurationDelegate2 {

    @Override
    public ILaunch getLaunch(ILaunchConfiguration configuration, String mode) {
        return new Launch(configuration, mode, null);
    }

    @Override
    public boolean preLaunchCheck(ILaunchConfiguration configuration, String mode, IProgressMonitor monitor) throws CoreException {
        LaunchSettings settings = LaunchSettings.of(configuration);
        if (settings.project().isTrusted()) {
            return true;
        }
        IStatus question = new Status(IStatus.ERROR, IdePlugin.ID, IdePlugin.UNTRUSTED,
                NLS.bind(Messages.Launch_untrusted, settings.project().location()), null);
        IStatusHandler handler = DebugPlugin.getDefault().getStatusHandler(question);
        if (handler == null) {
            throw new CoreException(question);
        }
        return Boolean.TRUE.equals(handler.handleStatus(question, settings.project()));
    }

    @Override
    public boolean buildForLaunch(ILaunchConfiguration configuration, String mode, IProgressMonitor monitor) throws CoreException {
        LaunchSettings settings = LaunchSettings.of(configuration);
        BuildResult result = new BuildOperation(settings.project(), settings.target(), settings.release()).execute(monitor);
        switch (result.outcome()) {
            case CANCELLED -> throw new CoreException(Status.CANCEL_STATUS);
            case FAILED -> throw IdePlugin.error(NLS.bind(Messages.Launch_buildErrors,
                    new Object[] {settings.project().name(), settings.target().id(), result.reason()}));
            case DONE -> { }
        }
        return false;
    }

    @Override
    public boolean finalLaunchCheck(ILaunchConfiguration configuration, String mode, IProgressMonitor monitor) {
        return true;
    }

    @Override
    public void launch(ILaunchConfiguration configuration, String mode, ILaunch launch, IProgressMonitor monitor) throws CoreException {
        LaunchSettings settings = LaunchSettings.of(configuration);
        SubMonitor progress = SubMonitor.convert(monitor, NLS.bind(Messages.Launch_starting, settings.profile().name()), 2);
        Optional<Image> image = Images.find(settings.project(), settings.target(), settings.release());
        if (image.isEmpty()) {
            throw IdePlugin.error(NLS.bind(Messages.Launch_noImage, settings.project().name(), settings.target().id()));
        }
        progress.split(1).subTask(NLS.bind(Messages.Launch_starting, settings.profile().name()));
        try {
            Machine machine = Machine.start(settings.machine(image.get()), Machines.sessions(),
                    new Machine.Owner(Machines.OWNER, settings.outlives(), settings.project().location().toString()), LaunchSettings.environment());
            if (progress.isCanceled()) {
                machine.close();
                throw new CoreException(Status.CANCEL_STATUS);
            }
            MachineProcess process = new MachineProcess(launch, machine, NLS.bind(Messages.Machine_label, configuration.getName(), machine.session().id()));
            Machines.add(process);
            process.start();
        } catch (MachineException refused) {
            throw IdePlugin.error(refused.getMessage(), refused);
        }
    }
}
