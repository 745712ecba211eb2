package org.veridianos.ide;

import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.ILog;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.Plugin;
import org.eclipse.core.runtime.Status;
import org.osgi.framework.BundleContext;
import org.veridianos.ide.launch.Machines;

/** Life of the bundle: machines that the IDE started end with it. */
public final class IdePlugin extends Plugin {

    /** The bundle's name, which qualifies every id and preference. */
    public static final String ID = "org.veridianos.ide";

    /** Status code of "this location is not trusted"; a status handler for it may ask the user. */
    public static final int UNTRUSTED = 1001;

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
