package org.veridianos.ide.ui.commands;

import java.util.Optional;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.debug.core.DebugPlugin;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.eclipse.debug.core.ILaunchConfigurationType;
import org.eclipse.debug.core.ILaunchConfigurationWorkingCopy;
import org.eclipse.debug.core.ILaunchManager;
import org.eclipse.osgi.util.NLS;
import org.veridianos.build.Target;
import org.veridianos.ide.launch.LaunchAttributes;
import org.veridianos.ide.launch.LaunchSettings;
import org.veridianos.ide.project.KernelProject;

/** Finds the launch configuration that boots a kernel on an architecture's default machine, or makes it. */
public final class Boot {

    private Boot() {
    }

    /** The configuration of {@code project} for {@code target}; a shared one of the project comes first. */
    public static ILaunchConfiguration configuration(KernelProject project, Target target) throws CoreException {
        ILaunchManager manager = DebugPlugin.getDefault().getLaunchManager();
        ILaunchConfigurationType type = manager.getLaunchConfigurationType(LaunchAttributes.TYPE);
        ILaunchConfiguration local = null;
        for (ILaunchConfiguration candidate : manager.getLaunchConfigurations(type)) {
            if (fits(candidate, project, target)) {
                if (!candidate.isLocal()) {
                    return candidate;
                }
                local = local == null ? candidate : local;
            }
        }
        return local != null ? local : create(manager, type, project, target);
    }

    private static boolean fits(ILaunchConfiguration candidate, KernelProject project, Target target) throws CoreException {
        return target.id().equals(candidate.getAttribute(LaunchAttributes.PROFILE, "")) && projectOf(candidate).filter(project::equals).isPresent();
    }

    private static Optional<KernelProject> projectOf(ILaunchConfiguration candidate) {
        try {
            return Optional.of(LaunchSettings.project(candidate));
        } catch (CoreException ofAClosedProject) {
            return Optional.empty();
        }
    }

    private static ILaunchConfiguration create(ILaunchManager manager, ILaunchConfigurationType type, KernelProject project, Target target)
            throws CoreException {
        String name = manager.generateLaunchConfigurationName(NLS.bind(Messages.Boot_configurationName, project.name(), target.id()));
        ILaunchConfigurationWorkingCopy copy = type.newInstance(null, name);
        copy.setAttribute(LaunchAttributes.PROJECT, project.name());
        copy.setAttribute(LaunchAttributes.PROFILE, target.id());
        copy.setMappedResources(new IResource[] {project.resource()});
        return copy.doSave();
    }
}
