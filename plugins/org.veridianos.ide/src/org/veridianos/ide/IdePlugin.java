package org.veridianos.ide;

import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.ILog;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.Plugin;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.osgi.framework.BundleContext;
import org.veridianos.ide.launch.Machines;

/** Life of the bundle: at its start it looks after machines of earlier runs, and those of this run end with it. */
public final class IdePlugin extends Plugin {

    /** The bundle's name, which qualifies every id and preference. */
    public static final String ID = "org.veridianos.ide";

    /** Status code of "this location is not trusted"; a status handler for it may ask the user. */
    public static final int UNTRUSTED = 1001;

    @Override
    public void start(BundleContext context) throws Exception {
        super.start(context);
        Job recovery = new Job(Messages.Machine_recovering) {
            @Override
            protected IStatus run(IProgressMonitor monitor) {
                try {
                    Machines.recover();
                    return Status.OK_STATUS;
                } catch (CoreException unreachable) {
                    ILog.of(IdePlugin.class).log(unreachable.getStatus());
                    return Status.OK_STATUS;
                }
            }

            @Override
            public boolean belongsTo(Object family) {
                return family == JobFamilies.MACHINES;
            }
        };
        recovery.setSystem(true);
        recovery.schedule();
    }

    @Override
    public void stop(BundleContext context) throws Exception {
        Machines.endAll();
        super.stop(context);
    }

    /** An error for the user: what is wrong and what to do. */
    public static CoreException error(String message, Throwable cause) {
        return new CoreException(new Status(IStatus.ERROR, ID, message, cause));
    }

    /** An error for the user: what is wrong and what to do. */
    public static CoreException error(String message) {
        return error(message, null);
    }

    /** Writes to the workspace's log. */
    public static void log(String message, Throwable cause) {
        ILog.of(IdePlugin.class).error(message, cause);
    }
}
