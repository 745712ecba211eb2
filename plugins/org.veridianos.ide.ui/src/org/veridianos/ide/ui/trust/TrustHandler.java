package org.veridianos.ide.ui.trust;

import org.eclipse.core.commands.AbstractHandler;
import org.eclipse.core.commands.ExecutionEvent;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.handlers.HandlerUtil;
import org.veridianos.ide.ui.commands.ActiveKernel;

/** <i>Trust Location</i>. */
public final class TrustHandler extends AbstractHandler {

    @Override
    public Object execute(ExecutionEvent event) {
        IWorkbenchWindow window = HandlerUtil.getActiveWorkbenchWindow(event);
        ActiveKernel.in(window).ifPresent(kernel -> TrustLocation.ask(window.getShell(), kernel));
        return null;
    }
}
