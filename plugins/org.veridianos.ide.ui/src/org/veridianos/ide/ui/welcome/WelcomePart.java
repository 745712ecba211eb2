package org.veridianos.ide.ui.welcome;

import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.ScrolledComposite;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Label;
import org.eclipse.ui.part.IntroPart;
import org.veridianos.ide.ui.Images;

/** The page that a new workspace begins with: what this is, and four ways to begin. */
public final class WelcomePart extends IntroPart {

    private StartActions actions;

    @Override
    public void createPartControl(Composite parent) {
        ScrolledComposite scroll = new ScrolledComposite(parent, SWT.V_SCROLL | SWT.H_SCROLL);
        scroll.setExpandHorizontal(true);
        scroll.setExpandVertical(true);
        Composite page = new Composite(scroll, SWT.NONE);
        GridLayoutFactory.fillDefaults().applyTo(page);
        Composite column = new Composite(page, SWT.NONE);
        GridLayoutFactory.fillDefaults().applyTo(column);
        GridDataFactory.swtDefaults().align(SWT.CENTER, SWT.CENTER).grab(true, true).applyTo(column);
        Composite head = new Composite(column, SWT.NONE);
        GridLayoutFactory.fillDefaults().numColumns(2).spacing(16, 4).margins(0, 0).applyTo(head);
        Label mark = new Label(head, SWT.NONE);
        mark.setImage(Images.get("window64"));
        GridDataFactory.swtDefaults().span(1, 2).applyTo(mark);
        Label title = new Label(head, SWT.NONE);
        title.setText(Messages.Welcome_title);
        title.setFont(StartActions.font(title, 2.2));
        new Label(head, SWT.NONE).setText(Messages.Welcome_subtitle);
        Composite list = new Composite(column, SWT.NONE);
        GridDataFactory.swtDefaults().indent(16, 0).applyTo(list);
        actions = new StartActions(getIntroSite());
        actions.create(list);
        scroll.setContent(page);
        scroll.setMinSize(page.computeSize(SWT.DEFAULT, SWT.DEFAULT));
    }

    @Override
    public void setFocus() {
        actions.setFocus();
    }

    @Override
    public void standbyStateChanged(boolean standby) {
        // It looks the same small and large.
    }
}
