package org.veridianos.ide.build;

import org.veridianos.build.BuildResult;
import org.veridianos.build.Target;
import org.veridianos.ide.project.KernelProject;

/** Hears of builds, on the thread that runs them. */
public interface BuildObserver {

    /** cargo is about to start. */
    default void started(KernelProject project, Target target) {
    }

    /** cargo has ended and the markers are up to date. */
    default void ended(KernelProject project, Target target, BuildResult result) {
    }
}
