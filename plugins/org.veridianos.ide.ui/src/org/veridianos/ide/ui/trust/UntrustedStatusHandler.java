package org.veridianos.ide.ui.trust;

import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.debug.core.IStatusHandler;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PlatformUI;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.project.Trust;

/** Answers the launch's question about an untrusted location by asking the user. Called on the launch's job. */
public final class UntrustedStatusHandler implements IStatusHandler {

    @Override
    public Object handleStatus(IStatus status, Object source) {
        if (!(source instanceof KernelProject project)) {
            return Boolean.FALSE;
        }
        AtomicBoolean trusted = new AtomicBoolean();
        PlatformUI.getWorkbench().getDisplay().syncExec(() -> {
            IWorkbenchWindow window = PlatformUI.getWorkbench().getActiveWorkbenchWindow();
            trusted.set(TrustDialog.ask(window == null ? null : window.getShell(), project.location()));
        });
        if (trusted.get()) {
            Trust.trust(project.location());
        }
        return trusted.get();
    }
}
