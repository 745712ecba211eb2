package org.veridianos.ide.launch;

import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.debug.core.DebugPlugin;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.eclipse.debug.core.ILaunchConfigurationType;
import org.eclipse.debug.core.ILaunchConfigurationWorkingCopy;
import org.eclipse.debug.core.ILaunchManager;
import org.eclipse.osgi.util.NLS;
import org.veridianos.ide.Messages;
import org.veridianos.ide.project.KernelProject;

/** Finds the launch configuration that boots a kernel on a machine, or makes one. */
public final class LaunchConfigurations {

    private LaunchConfigurations() {
    }

    /** The configuration of {@code project} for a machine profile: the shared one in its launch folder, else a local one. */
    public static ILaunchConfiguration of(KernelProject project, String profile) throws CoreException {
        ILaunchManager manager = DebugPlugin.getDefault().getLaunchManager();
        IFile shared = project.resource().getFolder(KernelProject.LAUNCH_FOLDER).getFile(LaunchFiles.name(profile));
        if (shared.exists()) {
            return manager.getLaunchConfiguration(shared);
        }
        ILaunchConfigurationType type = manager.getLaunchConfigurationType(LaunchAttributes.TYPE);
        for (ILaunchConfiguration each : manager.getLaunchConfigurations(type)) {
            if (each.isLocal() && each.getAttribute(LaunchAttributes.PROJECT, "").equals(project.name())
                    && each.getAttribute(LaunchAttributes.PROFILE, "").equals(profile)) {
                return each;
            }
        }
        ILaunchConfigurationWorkingCopy made = type.newInstance(null, manager.generateLaunchConfigurationName(NLS.bind(Messages.Launch_name, project.name(), profile)));
        made.setAttribute(LaunchAttributes.PROJECT, project.name());
        made.setAttribute(LaunchAttributes.PROFILE, profile);
        made.setMappedResources(new IResource[] {project.resource()});
        return made.doSave();
    }

    /** The same, to be launched once, with a program of the initrd; one that the configuration names itself stays. Not saved. */
    public static ILaunchConfiguration of(KernelProject project, String profile, String program) throws CoreException {
        ILaunchConfiguration configuration = of(project, profile);
        if (program.isBlank() || !configuration.getAttribute(LaunchAttributes.PROGRAM, "").isBlank()) {
            return configuration;
        }
        ILaunchConfigurationWorkingCopy once = configuration.getWorkingCopy();
        once.setAttribute(LaunchAttributes.PROJECT, project.name());
        once.setAttribute(LaunchAttributes.PROFILE, profile);
        once.setAttribute(LaunchAttributes.PROGRAM, program);
        return once;
    }
}
