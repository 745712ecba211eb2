package org.veridianos.ide.ui.commands;

import org.eclipse.core.commands.AbstractHandler;
import org.eclipse.core.commands.ExecutionEvent;
import org.eclipse.core.commands.ExecutionException;
import org.eclipse.ui.PartInitException;
import org.eclipse.ui.handlers.HandlerUtil;
import org.veridianos.ide.ui.guide.GuideEditor;

/** <i>Help &gt; User Guide</i>. */
public final class OpenGuideHandler extends AbstractHandler {

    @Override
    public Object execute(ExecutionEvent event) throws ExecutionException {
        try {
            GuideEditor.open(HandlerUtil.getActiveWorkbenchWindow(event).getActivePage());
        } catch (PartInitException notOpened) {
            throw new ExecutionException(notOpened.getMessage(), notOpened);
        }
        return null;
    }
}
