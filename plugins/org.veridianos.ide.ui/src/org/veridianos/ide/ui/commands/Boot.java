package org.veridianos.ide.ui.commands;

import org.eclipse.core.runtime.CoreException;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.veridianos.build.Target;
import org.veridianos.ide.launch.LaunchConfigurations;
import org.veridianos.ide.project.KernelProject;

/** What <i>Boot</i> means: the launch configuration of an architecture's default machine. */
public final class Boot {

    private Boot() {
    }

    /** The configuration of {@code project} for {@code target}; a shared one of the project comes first. */
    public static ILaunchConfiguration configuration(KernelProject project, Target target) throws CoreException {
        return LaunchConfigurations.of(project, target.id());
    }
}
