package org.veridianos.ide.ui.welcome;

import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.CTabFolder;
import org.eclipse.swt.layout.GridData;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Event;
import org.eclipse.ui.IPartListener2;
import org.eclipse.ui.IPerspectiveDescriptor;
import org.eclipse.ui.IWorkbenchPage;
import org.eclipse.ui.IWorkbenchPartReference;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PerspectiveAdapter;
import org.eclipse.ui.PlatformUI;
import org.veridianos.ide.ui.VeridianPerspective;

/**
 * Shows the start actions where the editors will be, while there are none, in our perspective. The workbench keeps a place
 * for that which only holds texts and only after a change of perspective; this puts links into it. A workbench without
 * such a place goes without them.
 */
public final class EmptyEditorArea extends PerspectiveAdapter {

    private static final String PLACE = "EditorStack.OnboardingComposite";

    private Composite actions;

    /** Adds the actions to every window that is open. Any thread. */
    public static void addToWindows() {
        PlatformUI.getWorkbench().getDisplay().asyncExec(() -> {
            for (IWorkbenchWindow window : PlatformUI.getWorkbench().getWorkbenchWindows()) {
                new EmptyEditorArea().addOrWait(window);
            }
        });
    }

    /** Behind the welcome page the editor area is not made yet; it is once that page is closed. */
    private void addOrWait(IWorkbenchWindow window) {
        if (addTo(window)) {
            return;
        }
        window.getPartService().addPartListener(new IPartListener2() {
            @Override
            public void partHidden(IWorkbenchPartReference part) {
                window.getShell().getDisplay().asyncExec(() -> {
                    if (actions == null && !window.getShell().isDisposed() && addTo(window)) {
                        window.getPartService().removePartListener(this);
                    }
                });
            }
        });
    }

    private boolean addTo(IWorkbenchWindow window) {
        Composite place = find(window.getShell());
        if (place == null) {
            return false;
        }
        for (Control text : place.getChildren()) {
            GridDataFactory.createFrom(text.getLayoutData() instanceof GridData data ? data : new GridData()).exclude(true).applyTo(text);
            text.setVisible(false);
        }
        actions = new Composite(place, SWT.NONE);
        actions.setBackground(place.getBackground());
        GridDataFactory.swtDefaults().align(SWT.CENTER, SWT.CENTER).grab(true, true).span(2, 1).applyTo(actions);
        new StartActions(window).create(actions);
        window.addPerspectiveListener(this);
        actions.addListener(SWT.Dispose, e -> window.removePerspectiveListener(this));
        IWorkbenchPage page = window.getActivePage();
        perspectiveActivated(page, page == null ? null : page.getPerspective());
        for (Composite above = place; above != null; above = above.getParent()) {
            if (above instanceof CTabFolder folder) {
                folder.notifyListeners(SWT.Resize, new Event());
            }
        }
        return true;
    }

    private static Composite find(Composite root) {
        for (Control child : root.getChildren()) {
            if (child instanceof Composite composite) {
                Composite found = PLACE.equals(child.getData("id")) ? composite : find(composite);
                if (found != null) {
                    return found;
                }
            }
        }
        return null;
    }

    @Override
    public void perspectiveActivated(IWorkbenchPage page, IPerspectiveDescriptor perspective) {
        if (!actions.isDisposed()) {
            actions.setVisible(perspective != null && VeridianPerspective.ID.equals(perspective.getId()));
        }
    }
}
