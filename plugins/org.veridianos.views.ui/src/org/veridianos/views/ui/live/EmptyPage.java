package org.veridianos.views.ui.live;

import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.swt.SWT;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Link;
import org.veridianos.views.ui.Messages;

/** What a view shows when it has nothing to show: why, and the next step as a link. */
final class EmptyPage {

    private final Composite page;
    private final Label reason;
    private final Link next;

    /**
     * A page.
     *
     * @param boot   boots the kernel
     * @param follow follows the selected machine
     */
    EmptyPage(Composite parent, Runnable boot, Runnable follow) {
        page = new Composite(parent, SWT.NONE);
        GridLayoutFactory.fillDefaults().margins(16, 16).spacing(8, 8).applyTo(page);
        reason = new Label(page, SWT.WRAP);
        GridDataFactory.fillDefaults().grab(true, false).applyTo(reason);
        next = new Link(page, SWT.WRAP);
        GridDataFactory.fillDefaults().grab(true, false).applyTo(next);
        next.addListener(SWT.Selection, e -> (e.text.equals("follow") ? follow : boot).run());
    }

    Composite control() {
        return page;
    }

    void show(String why, boolean pinned) {
        reason.setText(why);
        next.setText(pinned ? Messages.Live_followLink : Messages.Live_bootLink);
        page.layout();
    }
}
