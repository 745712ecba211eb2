package org.veridianos.ide.ui.console;

import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.debug.core.DebugEvent;
import org.eclipse.debug.core.DebugException;
import org.eclipse.debug.core.DebugPlugin;
import org.eclipse.debug.core.IDebugEventSetListener;
import org.eclipse.debug.core.model.IProcess;
import org.eclipse.jface.action.Action;
import org.eclipse.jface.action.IMenuManager;
import org.eclipse.jface.action.IToolBarManager;
import org.eclipse.jface.action.MenuManager;
import org.eclipse.jface.action.Separator;
import org.eclipse.jface.resource.ImageDescriptor;
import org.eclipse.swt.SWT;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.ui.IActionBars;
import org.eclipse.ui.IWorkbenchPage;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.actions.ActionFactory;
import org.eclipse.ui.console.IConsoleConstants;
import org.eclipse.ui.keys.IBindingService;
import org.eclipse.ui.part.IPageBookViewPage;
import org.eclipse.ui.part.Page;
import org.veridianos.ide.ui.Images;
import org.veridianos.ide.ui.SourceOpener;
import org.veridianos.ide.ui.terminal.TerminalCanvas;

/**
 * The terminal in the Console view. While it has the focus the workbench's key bindings are off, so that every key
 * reaches the guest; Ctrl+Shift+E leads back to the editor.
 */
final class GuestConsolePage extends Page implements IPageBookViewPage, IDebugEventSetListener {

    private final GuestConsole console;
    private TerminalCanvas canvas;
    private Action terminate;
    private Action remove;
    private boolean keysAreOurs;

    GuestConsolePage(GuestConsole console) {
        this.console = console;
    }

    @Override
    public void createControl(Composite parent) {
        canvas = new TerminalCanvas(parent, console.terminal(), console::type);
        canvas.onLeave(this::leave);
        canvas.onLink(link -> SourceOpener.open(console.process().session().project(), link));
        canvas.addListener(SWT.FocusIn, e -> takeKeys(true));
        canvas.addListener(SWT.FocusOut, e -> takeKeys(false));
        canvas.addListener(SWT.Dispose, e -> takeKeys(false));
        contribute(getSite().getActionBars());
        DebugPlugin.getDefault().addDebugEventListener(this);
    }

    private void contribute(IActionBars bars) {
        terminate = action(Messages.GuestConsolePage_terminate, Images.TERMINATE, this::terminate);
        remove = action(Messages.GuestConsolePage_remove, Images.REMOVE, this::removeLaunch);
        Action clear = action(Messages.GuestConsolePage_clear, Images.CLEAR, canvas::clear);
        Action copy = action(Messages.GuestConsolePage_copy, null, canvas::copy);
        Action paste = action(Messages.GuestConsolePage_paste, null, canvas::paste);
        Action selectAll = action(Messages.GuestConsolePage_selectAll, null, canvas::selectAll);
        update();
        IToolBarManager toolBar = bars.getToolBarManager();
        toolBar.appendToGroup(IConsoleConstants.LAUNCH_GROUP, terminate);
        toolBar.appendToGroup(IConsoleConstants.LAUNCH_GROUP, remove);
        toolBar.appendToGroup(IConsoleConstants.OUTPUT_GROUP, clear);
        bars.setGlobalActionHandler(ActionFactory.COPY.getId(), copy);
        bars.setGlobalActionHandler(ActionFactory.PASTE.getId(), paste);
        bars.setGlobalActionHandler(ActionFactory.SELECT_ALL.getId(), selectAll);
        bars.updateActionBars();
        MenuManager menu = new MenuManager();
        menu.setRemoveAllWhenShown(true);
        menu.addMenuListener(m -> fill(m, copy, paste, selectAll, clear));
        canvas.setMenu(menu.createContextMenu(canvas));
    }

    private void fill(IMenuManager menu, Action copy, Action paste, Action selectAll, Action clear) {
        copy.setEnabled(!canvas.getSelectionText().isEmpty());
        paste.setEnabled(!console.process().isTerminated());
        menu.add(copy);
        menu.add(paste);
        menu.add(selectAll);
        menu.add(new Separator());
        menu.add(clear);
        menu.add(new Separator());
        menu.add(terminate);
    }

    private static Action action(String text, String image, Runnable work) {
        ImageDescriptor descriptor = image == null ? null : Images.descriptor(image);
        Action action = new Action(text, descriptor) {
            @Override
            public void run() {
                work.run();
            }
        };
        action.setToolTipText(text.replace("&", "").replaceFirst("\t.*", ""));
        return action;
    }

    private void update() {
        boolean ended = console.process().isTerminated();
        terminate.setEnabled(!ended);
        remove.setEnabled(ended);
    }

    private void terminate() {
        IProcess process = console.process();
        Job job = Job.create(Messages.GuestConsolePage_terminating, monitor -> {
            try {
                process.terminate();
            } catch (DebugException stuck) {
                return stuck.getStatus();
            }
            return Status.OK_STATUS;
        });
        job.setPriority(Job.INTERACTIVE);
        job.schedule();
    }

    private void removeLaunch() {
        DebugPlugin.getDefault().getLaunchManager().removeLaunch(console.process().getLaunch());
    }

    private void leave() {
        IWorkbenchPage page = getSite().getPage();
        if (page.getActiveEditor() != null) {
            page.activate(page.getActiveEditor());
        } else {
            canvas.traverse(SWT.TRAVERSE_TAB_NEXT);
        }
    }

    private void takeKeys(boolean take) {
        IBindingService bindings = PlatformUI.getWorkbench().getService(IBindingService.class);
        if (bindings != null && take != keysAreOurs) {
            keysAreOurs = take;
            bindings.setKeyFilterEnabled(!take);
        }
    }

    @Override
    public void handleDebugEvents(DebugEvent[] events) {
        for (DebugEvent event : events) {
            if (event.getSource() == console.process() && event.getKind() == DebugEvent.TERMINATE && !canvas.isDisposed()) {
                canvas.getDisplay().asyncExec(() -> {
                    if (!canvas.isDisposed()) {
                        update();
                    }
                });
            }
        }
    }

    @Override
    public Control getControl() {
        return canvas;
    }

    @Override
    public void setFocus() {
        canvas.setFocus();
    }

    @Override
    public void dispose() {
        DebugPlugin.getDefault().removeDebugEventListener(this);
        super.dispose();
    }
}
