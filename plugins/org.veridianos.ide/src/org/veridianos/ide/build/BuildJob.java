package org.veridianos.ide.build;

import org.eclipse.core.resources.IncrementalProjectBuilder;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.osgi.util.NLS;
import org.veridianos.ide.JobFamilies;
import org.veridianos.ide.Messages;
import org.veridianos.ide.project.KernelProject;

/** <i>Build</i> of one project in the background, with progress and cancel. */
public final class BuildJob extends Job {

    private final KernelProject project;

    /** A job that builds {@code project}'s active architecture. */
    public BuildJob(KernelProject project) {
        super(NLS.bind(Messages.Build_task, project.name(), project.activeTarget().id()));
        this.project = project;
        setUser(true);
    }

    @Override
    protected IStatus run(IProgressMonitor monitor) {
        try {
            project.resource().build(IncrementalProjectBuilder.INCREMENTAL_BUILD, VeridianBuilder.ID, null, monitor);
            return monitor.isCanceled() ? Status.CANCEL_STATUS : Status.OK_STATUS;
        } catch (CoreException failed) {
            return failed.getStatus();
        }
    }

    @Override
    public boolean belongsTo(Object family) {
        return family == JobFamilies.BUILD;
    }
}
