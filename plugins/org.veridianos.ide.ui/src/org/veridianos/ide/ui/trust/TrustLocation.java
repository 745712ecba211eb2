package org.veridianos.ide.ui.trust;

import org.eclipse.core.resources.IMarker;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.swt.widgets.Shell;
import org.veridianos.ide.build.BuildJob;
import org.veridianos.ide.build.Problems;
import org.veridianos.ide.build.VeridianBuilder;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.project.Trust;

/** Trusting a location on the user's own initiative: asks, remembers, and builds what had to wait. */
public final class TrustLocation {

    private TrustLocation() {
    }

    /** Asks about the location of {@code project}, unless it is trusted. @return whether the user trusts it. UI thread only. */
    public static boolean ask(Shell parent, KernelProject project) {
        if (project.isTrusted()) {
            return true;
        }
        boolean yes = TrustDialog.ask(parent, project.location());
        if (yes) {
            grant(project);
        }
        return yes;
    }

    private static void grant(KernelProject project) {
        Job job = Job.create(Messages.Trust_saving, monitor -> {
            Trust.trust(project.location());
            try {
                for (IMarker marker : project.resource().findMarkers(VeridianBuilder.PROBLEM, false, IResource.DEPTH_ZERO)) {
                    if (marker.getAttribute(Problems.UNTRUSTED, false)) {
                        marker.delete();
                    }
                }
            } catch (CoreException projectClosed) {
                return projectClosed.getStatus();
            }
            new BuildJob(project).schedule();
            return Status.OK_STATUS;
        });
        job.setSystem(true);
        job.schedule();
    }

    /** The user takes it back. */
    public static void withdraw(KernelProject project) {
        Job job = Job.create(Messages.Trust_saving, monitor -> {
            Trust.distrust(project.location());
            return Status.OK_STATUS;
        });
        job.setSystem(true);
        job.schedule();
    }
}
