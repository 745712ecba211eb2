package org.veridianos.views.ui.live;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.core.commands.common.CommandException;
import org.eclipse.core.runtime.ILog;
import org.eclipse.jface.action.IAction;
import org.eclipse.jface.action.IMenuManager;
import org.eclipse.jface.action.IToolBarManager;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.jface.viewers.ISelection;
import org.eclipse.jface.viewers.IStructuredSelection;
import org.eclipse.jface.viewers.StructuredSelection;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.StackLayout;
import org.eclipse.swt.layout.GridData;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Text;
import org.eclipse.ui.IMemento;
import org.eclipse.ui.IPartListener2;
import org.eclipse.ui.ISelectionListener;
import org.eclipse.ui.IViewSite;
import org.eclipse.ui.IWorkbenchPart;
import org.eclipse.ui.IWorkbenchPartReference;
import org.eclipse.ui.PartInitException;
import org.eclipse.ui.handlers.IHandlerService;
import org.eclipse.ui.part.ViewPart;
import org.veridianos.ide.inspect.ActiveMachine;
import org.veridianos.ide.ui.SourceOpener;
import org.veridianos.ide.ui.terminal.SourceLink;
import org.veridianos.inspect.Snapshot;
import org.veridianos.machine.Session;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.model.Subject;
import org.veridianos.views.ui.widget.CellCanvas;
import org.veridianos.views.ui.widget.LiveTable;

/**
 * A view of a running kernel. It follows the selected machine or stays with one, reads at a chosen rate while it can be seen,
 * and is empty with a reason when there is nothing to read. Everything here is called on the UI thread; reading and making
 * models happens in {@link SnapshotLoop}.
 */
public abstract class LiveView<M> extends ViewPart {

    /** Readings per second that the menu offers. */
    static final int[] RATES = {1, 2, 5, 10, 30};

    private final MachineChoice choice = new MachineChoice();
    private final SelectionKeeper selection = new SelectionKeeper();
    private final Runnable machineListener = () -> onUi(this::refresh);
    private final ISelectionListener linker = this::selectionChanged;
    private final IPartListener2 visibility = new Visibility();
    private String baseName;
    private int rate = 5;
    private boolean paused;
    private boolean linked = true;
    private boolean visible = true;
    private IMemento memento;
    private SnapshotLoop<M> loop;
    private LiveActions actions;
    private Composite stack;
    private EmptyPage empty;
    private Composite body;
    private Composite header;
    private Text filter;
    private Label info;
    private Label trouble;
    private Snapshot snapshot;
    private M model;

    // What a view is made of.

    /** Controls to the left of the filter box; usually none. */
    protected void createHeader(Composite header) {
        // None.
    }

    /** The view's own part, below the header. */
    protected abstract Control createContent(Composite parent);

    /** What to read next, as the view is set up now. */
    protected abstract Reading<M> reading();

    /** Shows a model; must be quick. */
    protected abstract void show(Snapshot shown, M shownModel);

    /** The table that is copied and exported. */
    protected abstract LiveTable<?> table();

    /** The widget of that table. */
    public final Control tableControl() {
        return table().control();
    }

    /** The picture that is exported; null for none. */
    protected CellCanvas canvas() {
        return null;
    }

    /** Another view selected something of the same machine. */
    protected void follow(Subject subject) {
        // Nothing that fits.
    }

    /** Adds the view's own buttons and menu entries. */
    protected void fill(IToolBarManager tools, IMenuManager menu) {
        // None.
    }

    /** An action for {@link #fill}; {@code icon} is null for none. */
    protected final IAction push(String text, String icon, Runnable work) {
        return LiveActions.push(text, icon, work);
    }

    /** Where the type of what is selected stands in the kernel's sources, if the kernel describes it. */
    public Optional<SourceLink> source() {
        if (snapshot == null || !(selection.getSelection() instanceof IStructuredSelection some) || !(some.getFirstElement() instanceof Subject subject)) {
            return Optional.empty();
        }
        return snapshot.types().types().stream().filter(t -> t.line() > 0 && t.simpleName().equals(subject.type())).findFirst()
                .map(t -> new SourceLink(t.file(), t.line(), 1, 0, 0, 0));
    }

    /** Opens that place in an editor. */
    final void openSource() {
        source().ifPresent(place -> SourceOpener.open(snapshot.machine().project(), place));
    }

    /** Keeps the view's own settings. */
    protected void save(IMemento into) {
        // None.
    }

    /** Brings the view's own settings back; {@code from} is null when there are none. */
    protected void restore(IMemento from) {
        // None.
    }

    // What it offers them.

    /** Reads and shows now. */
    public final void refresh() {
        if (loop != null) {
            loop.refresh();
        }
    }

    /** Words to look for. */
    protected final String filterText() {
        return filter.getText();
    }

    /** What stands in the filter box. */
    public final String filter() {
        return filterText();
    }

    /** Writes into the filter box, and shows it. */
    public final void setFilter(String words) {
        showHeader(true);
        filter.setText(words);
    }

    /** The snapshot that is shown, or null. */
    public final Snapshot snapshot() {
        return snapshot;
    }

    /** The model that is shown, or null. */
    public final M model() {
        return model;
    }

    /** What it wants to see, as it is set up now. */
    public final Reading<M> wanted() {
        return reading();
    }

    /** Shows a snapshot of any source, live or not, with the model that {@link #wanted} makes of it. */
    public final void present(Snapshot next, M nextModel) {
        snapshot = next;
        model = nextModel;
        showTitle(next.machine().title());
        show(next, nextModel);
        showInfo();
        show(body);
    }

    /** Tells the other views what the user points at here. */
    protected final void select(int pid, long thread, long object, String type) {
        if (snapshot != null) {
            selection.set(new StructuredSelection(new Subject(snapshot.machine().id(), pid, thread, object, type)));
        }
    }

    // Set up and torn down.

    @Override
    public void init(IViewSite site, IMemento kept) throws PartInitException {
        super.init(site, kept);
        memento = kept;
        if (kept != null) {
            choice.pin(kept.getString("machine"));
            rate = Objects.requireNonNullElse(kept.getInteger("rate"), rate);
            linked = !Boolean.FALSE.equals(kept.getBoolean("linked"));
        }
    }

    @Override
    public void saveState(IMemento into) {
        if (choice.pinned() != null) {
            into.putString("machine", choice.pinned());
        }
        into.putInteger("rate", rate);
        into.putBoolean("linked", linked);
        into.putString("filter", filter.getText());
        into.putBoolean("header", isHeaderShown());
        save(into);
    }

    @Override
    public void createPartControl(Composite parent) {
        baseName = getPartName();
        stack = new Composite(parent, SWT.NONE);
        stack.setLayout(new StackLayout());
        empty = new EmptyPage(stack, this::boot, () -> pin(null));
        body = new Composite(stack, SWT.NONE);
        GridLayoutFactory.fillDefaults().spacing(0, 0).applyTo(body);
        header = new Composite(body, SWT.NONE);
        GridDataFactory.fillDefaults().grab(true, false).exclude(true).applyTo(header);
        createHeader(header);
        filter = new Text(header, SWT.SEARCH | SWT.ICON_SEARCH | SWT.ICON_CANCEL);
        filter.setMessage(Messages.Live_filter);
        GridDataFactory.fillDefaults().hint(180, SWT.DEFAULT).applyTo(filter);
        info = new Label(header, SWT.RIGHT);
        GridDataFactory.fillDefaults().grab(true, false).align(SWT.FILL, SWT.CENTER).applyTo(info);
        GridLayoutFactory.fillDefaults().numColumns(header.getChildren().length).margins(4, 2).applyTo(header);
        GridDataFactory.fillDefaults().grab(true, true).applyTo(createContent(body));
        trouble = new Label(body, SWT.NONE);
        GridDataFactory.fillDefaults().grab(true, false).exclude(true).applyTo(trouble);
        restore(memento);
        filter.setText(memento == null ? "" : Objects.requireNonNullElse(memento.getString("filter"), ""));
        showHeader(!filter.getText().isEmpty() || memento != null && Boolean.TRUE.equals(memento.getBoolean("header")));
        filter.addListener(SWT.Modify, e -> refresh());
        filter.addListener(SWT.Traverse, e -> {
            if (e.detail == SWT.TRAVERSE_ESCAPE) {
                e.doit = false;
                if (filter.getText().isEmpty()) {
                    showHeader(false);
                    setFocus();
                }
                filter.setText("");
            }
        });
        show(empty.control());
        loop = new SnapshotLoop<>(baseName, choice, new Screen(), parent.getDisplay());
        actions = new LiveActions(this);
        actions.addTo(getViewSite().getActionBars());
        getSite().setSelectionProvider(selection);
        getSite().getPage().addSelectionListener(linker);
        getSite().getPage().addPartListener(visibility);
        ActiveMachine.addListener(machineListener);
        refresh();
    }

    @Override
    public void dispose() {
        ActiveMachine.removeListener(machineListener);
        getSite().getPage().removeSelectionListener(linker);
        getSite().getPage().removePartListener(visibility);
        if (loop != null) {
            loop.end();
        }
        super.dispose();
    }

    @Override
    public void setFocus() {
        StackLayout layout = (StackLayout) stack.getLayout();
        if (layout.topControl == body) {
            focusContent();
        } else {
            empty.control().setFocus();
        }
    }

    /** Gives the view's main control the focus. */
    protected void focusContent() {
        (canvas() != null && canvas().isVisible() ? canvas() : table().control()).setFocus();
    }

    /** What holds the view's controls. */
    final Composite contents() {
        return body;
    }

    /** Whether the line with the filter box is shown. */
    final boolean isHeaderShown() {
        return header.getVisible();
    }

    /** Shows the line with the filter box, or gives its room to the content; without it nothing is filtered. */
    final void showHeader(boolean show) {
        ((GridData) header.getLayoutData()).exclude = !show;
        header.setVisible(show);
        body.layout();
        if (!show && !filter.getText().isEmpty()) {
            filter.setText("");
        }
        if (actions != null) {
            actions.headerShown(show);
        }
    }

    /** Shows the filter box and gives it the focus. */
    final void focusFilter() {
        showHeader(true);
        filter.setFocus();
        filter.selectAll();
    }

    // What the actions need.

    final String baseName() {
        return baseName;
    }

    /** The machine that is shown. May read files: not for the UI thread. */
    protected final Optional<Session> session() {
        return choice.session();
    }

    final MachineChoice choice() {
        return choice;
    }

    /** Stays with a machine, or follows the selected one again when null. */
    public final void pin(String id) {
        choice.pin(id);
        refresh();
    }

    /** Name of the machine that it stays with, or null when it follows the selected one. */
    public final String pinned() {
        return choice.pinned();
    }

    /** Readings per second. */
    public final int rate() {
        return rate;
    }

    /** Sets the readings per second, 1 to 30. */
    public final void setRate(int perSecond) {
        rate = Math.clamp(perSecond, 1, 30);
        refresh();
    }

    /** Whether it stands still. */
    public final boolean isPaused() {
        return paused;
    }

    /** Stands still, or goes on. */
    public final void setPaused(boolean stop) {
        paused = stop;
        if (paused) {
            showInfo();
        } else {
            refresh();
        }
    }

    final boolean isLinked() {
        return linked;
    }

    final void setLinked(boolean follow) {
        linked = follow;
    }

    final void openAnother() {
        try {
            getSite().getPage().showView(getViewSite().getId(), UUID.randomUUID().toString(), org.eclipse.ui.IWorkbenchPage.VIEW_ACTIVATE);
        } catch (PartInitException notOpened) {
            ILog.of(LiveView.class).log(notOpened.getStatus());
        }
    }

    private void boot() {
        try {
            getSite().getService(IHandlerService.class).executeCommand("org.veridianos.ide.ui.boot", null);
        } catch (CommandException refused) {
            ILog.of(LiveView.class).error(refused.getMessage(), refused);
        }
    }

    // Showing.

    private void show(Control page) {
        StackLayout layout = (StackLayout) stack.getLayout();
        if (layout.topControl != page) {
            layout.topControl = page;
            stack.layout();
        }
    }

    private void showTitle(String machine) {
        String title = machine == null ? baseName : NLS.bind(choice.pinned() == null ? Messages.Live_title : Messages.Live_pinnedTitle, baseName, machine);
        if (!title.equals(getPartName())) {
            setPartName(title);
        }
    }

    private void showInfo() {
        String text = snapshot == null ? "" : paused ? Messages.Live_paused
                : NLS.bind(Messages.Live_info, Numbers.time(snapshot.nanoseconds()), Integer.toString(rate));
        if (!text.equals(info.getText())) {
            info.setText(text);
        }
        List<String> wrong = new ArrayList<>();
        if (snapshot != null) {
            snapshot.missing().forEach(m -> wrong.add(NLS.bind(Messages.Live_missing, m)));
            wrong.addAll(snapshot.problems());
        }
        String words = wrong.isEmpty() ? "" : "\u26a0 " + String.join("; ", wrong.size() > 3 ? wrong.subList(0, 3) : wrong) + (wrong.size() > 3 ? "; \u2026" : "");
        if (!words.equals(trouble.getText())) {
            trouble.setText(words);
            trouble.setToolTipText(wrong.isEmpty() ? null : String.join("\n", wrong));
            ((GridData) trouble.getLayoutData()).exclude = words.isEmpty();
            trouble.setVisible(!words.isEmpty());
            body.layout();
        }
    }

    private void selectionChanged(IWorkbenchPart part, ISelection what) {
        if (linked && part != this && snapshot != null && what instanceof IStructuredSelection some && some.getFirstElement() instanceof Subject subject
                && subject.machine().equals(snapshot.machine().id()) && (subject.pid() != 0 || subject.thread() != 0 || subject.object() != 0)) {
            follow(subject);
        }
    }

    private void onUi(Runnable work) {
        stack.getDisplay().asyncExec(() -> {
            if (!stack.isDisposed()) {
                work.run();
            }
        });
    }

    private final class Screen implements SnapshotLoop.Screen<M> {
        @Override
        public void show(Snapshot next, M nextModel) {
            present(next, nextModel);
        }

        @Override
        public void empty(String reason) {
            snapshot = null;
            model = null;
            showTitle(choice.pinned());
            empty.show(reason, choice.pinned() != null);
            LiveView.this.show(empty.control());
        }

        @Override
        public Reading<M> reading() {
            return LiveView.this.reading();
        }

        @Override
        public long period() {
            return paused || !visible ? -1 : 1000 / rate;
        }
    }

    /** Reads only while somebody can see it. */
    private final class Visibility implements IPartListener2 {
        @Override
        public void partVisible(IWorkbenchPartReference reference) {
            if (reference.getPart(false) == LiveView.this) {
                visible = true;
                if (!paused) {
                    refresh();
                }
            }
        }

        @Override
        public void partHidden(IWorkbenchPartReference reference) {
            if (reference.getPart(false) == LiveView.this) {
                visible = false;
            }
        }
    }
}
