package org.veridianos.ide.ui.guide;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.program.Program;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Link;
import org.eclipse.ui.IEditorInput;
import org.eclipse.ui.IEditorSite;
import org.eclipse.ui.IWorkbenchPage;
import org.eclipse.ui.PartInitException;
import org.eclipse.ui.part.EditorPart;

/** Shows the guide: a line to go back and to the contents, the page below it. */
public final class GuideEditor extends EditorPart {

    /** The editor's id. */
    public static final String ID = "org.veridianos.ide.ui.guideEditor";

    private final Deque<String> history = new ArrayDeque<>();
    private Link navigation;
    private GuideText text;
    private String current;

    /** Opens the guide, or brings it to the top. */
    public static void open(IWorkbenchPage page) throws PartInitException {
        page.openEditor(new GuideInput(), ID);
    }

    @Override
    public void init(IEditorSite site, IEditorInput input) {
        setSite(site);
        setInput(input);
        setPartName(input.getName());
    }

    @Override
    public void createPartControl(Composite parent) {
        Composite area = new Composite(parent, SWT.NONE);
        GridLayoutFactory.fillDefaults().spacing(0, 0).applyTo(area);
        navigation = new Link(area, SWT.NONE);
        GridDataFactory.fillDefaults().grab(true, false).indent(12, 6).applyTo(navigation);
        navigation.addListener(SWT.Selection, e -> navigate(e.text));
        Label line = new Label(area, SWT.SEPARATOR | SWT.HORIZONTAL);
        GridDataFactory.fillDefaults().grab(true, false).indent(0, 6).applyTo(line);
        text = new GuideText(area, this::follow);
        GridDataFactory.fillDefaults().grab(true, true).applyTo(text.control());
        show(GuidePages.FIRST);
    }

    private void navigate(String action) {
        if (action.equals("back") && !history.isEmpty()) {
            current = null;
            show(history.pop());
        } else if (action.equals("contents")) {
            follow(GuidePages.FIRST);
        }
    }

    private void follow(String target) {
        if (target.contains("://")) {
            Program.launch(target);
        } else {
            show(target.replaceFirst("#.*", ""));
        }
    }

    private void show(String name) {
        Job job = Job.create(Messages.Guide_reading, monitor -> {
            try {
                GuidePages.Page page = GuidePages.read(name);
                text.control().getDisplay().asyncExec(() -> shown(page));
            } catch (IOException missing) {
                text.control().getDisplay().asyncExec(() -> failed(name));
            }
            return Status.OK_STATUS;
        });
        job.setSystem(true);
        job.schedule();
    }

    private void shown(GuidePages.Page page) {
        if (text.control().isDisposed()) {
            return;
        }
        if (current != null && !current.equals(page.name())) {
            history.push(current);
        }
        current = page.name();
        navigation.setText(history.isEmpty() ? Messages.Guide_contents : Messages.Guide_backAndContents);
        text.show(page);
    }

    private void failed(String name) {
        if (!navigation.isDisposed()) {
            navigation.setText(NLS.bind(Messages.Guide_missing, name));
        }
    }

    /** The page that is shown, for tests. */
    public String shownText() {
        return text.control().getText();
    }

    @Override
    public void setFocus() {
        text.control().setFocus();
    }

    @Override
    public void doSave(IProgressMonitor monitor) {
        // A guide is never dirty.
    }

    @Override
    public void doSaveAs() {
        // A guide is never dirty.
    }

    @Override
    public boolean isDirty() {
        return false;
    }

    @Override
    public boolean isSaveAsAllowed() {
        return false;
    }
}
