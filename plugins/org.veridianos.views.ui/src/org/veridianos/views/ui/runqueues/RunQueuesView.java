package org.veridianos.views.ui.runqueues;

import java.util.List;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.StackLayout;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.ui.IMemento;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.ThreadState;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.model.RunQueueModel;
import org.veridianos.views.ui.model.Subject;
import org.veridianos.views.ui.widget.CellCanvas;
import org.veridianos.views.ui.widget.LiveTable;

/** The Run Queues view: the picture of the CPUs, or a table of all threads; the key T changes between them. */
public final class RunQueuesView extends LiveView<RunQueueModel> {

    /** The view's id. */
    public static final String ID = "org.veridianos.views.ui.runQueues";

    private Composite pages;
    private RunQueueCanvas canvas;
    private LiveTable<ThreadState> table;

    @Override
    protected Control createContent(Composite parent) {
        pages = new Composite(parent, SWT.NONE);
        pages.setLayout(new StackLayout());
        canvas = new RunQueueCanvas(pages);
        canvas.onFocus(cell -> selectThread(canvas.thread(cell)));
        table = new LiveTable<>(pages, columns(), ThreadState::address);
        table.dim(t -> !t.consistency().consistent());
        table.onArrangement(this::refresh);
        table.onSelection(this::selectThread);
        for (Control each : List.of(canvas, table.control())) {
            each.addListener(SWT.KeyDown, e -> {
                if ((e.stateMask & SWT.MODIFIER_MASK) == 0 && e.character == 't') {
                    showTable(!isTableShown());
                    focusContent();
                    e.doit = false;
                }
            });
        }
        ((StackLayout) pages.getLayout()).topControl = canvas;
        return pages;
    }

    private static List<Column<ThreadState>> columns() {
        return List.of(Column.text(Messages.Thread_name, 130, ThreadState::name), Column.text(Messages.Thread_state, 210, RunQueueModel::stateText),
                Column.number(Messages.Thread_cpu, 44, t -> (long) t.cpu()), Column.text(Messages.Thread_class, 90, ThreadState::classText),
                Column.number(Messages.Thread_rank, 50, t -> (long) t.rank()),
                Column.measure(Messages.Thread_runTime, 80, ThreadState::runTime, t -> Numbers.time(t.runTime())),
                Column.measure(Messages.Thread_waitTime, 80, ThreadState::waitTime, t -> Numbers.time(t.waitTime())),
                Column.number(Messages.Thread_switches, 80, ThreadState::switches), Column.number(Messages.Thread_migrations, 80, ThreadState::migrations),
                Column.text(Messages.Thread_affinity, 70, t -> RunQueueModel.affinityText(t.affinity(), 64)),
                Column.measure(Messages.Thread_virtualTime, 90, ThreadState::virtualTime, t -> Numbers.time(t.virtualTime())));
    }

    /** Whether the table is shown instead of the picture. */
    public boolean isTableShown() {
        return ((StackLayout) pages.getLayout()).topControl == table.control();
    }

    /** Shows the table or the picture. */
    public void showTable(boolean show) {
        ((StackLayout) pages.getLayout()).topControl = show ? table.control() : canvas;
        pages.layout();
    }

    private void selectThread(ThreadState thread) {
        if (thread != null) {
            select(thread.pid(), thread.address(), thread.object(), "Thread");
        }
    }

    @Override
    protected Reading<RunQueueModel> reading() {
        Arrangement<ThreadState> arrangement = table.arrangement(filterText());
        return new Reading<>(Request.of(Part.THREADS, Part.RUN_QUEUES), (snapshot, memory, previous) -> RunQueueModel.of(snapshot, previous, arrangement));
    }

    @Override
    protected void show(Snapshot shown, RunQueueModel model) {
        canvas.show(model, filterText());
        table.show(model.threads());
    }

    @Override
    public LiveTable<ThreadState> table() {
        return table;
    }

    @Override
    public CellCanvas canvas() {
        return canvas;
    }

    @Override
    protected void follow(Subject subject) {
        if (subject.thread() != 0) {
            canvas.mark(subject.thread());
            table.select(t -> t.address() == subject.thread());
        }
    }

    @Override
    protected void save(IMemento into) {
        into.putBoolean("table", isTableShown());
        into.putString("marked", Long.toHexString(canvas.marked()));
        table.save(into, "threads");
    }

    @Override
    protected void restore(IMemento from) {
        table.restore(from, "threads");
        showTable(from != null && Boolean.TRUE.equals(from.getBoolean("table")));
        if (from != null && from.getString("marked") != null) {
            canvas.mark(Long.parseUnsignedLong(from.getString("marked"), 16));
        }
    }
}
