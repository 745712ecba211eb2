package org.veridianos.views.ui.graph;

import java.util.List;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.StackLayout;
import org.eclipse.swt.layout.GridData;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Label;
import org.eclipse.ui.IMemento;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.WaitForGraph;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.Subject;
import org.veridianos.views.ui.model.WaitModel;
import org.veridianos.views.ui.widget.CellCanvas;
import org.veridianos.views.ui.widget.LiveTable;

/** The Wait-For Graph view: who waits for whom; circles are deadlocks and are spelled out above the graph. T shows the table. */
public final class WaitForView extends LiveView<WaitForView.Model> {

    /** The view's id. */
    public static final String ID = "org.veridianos.views.ui.waitFor";

    /**
     * What is shown.
     *
     * @param waits  who waits for whom
     * @param layout its graph with places
     */
    public record Model(WaitModel waits, GraphLayout layout) {
    }

    private Composite whole;
    private Label deadlock;
    private Composite pages;
    private GraphCanvas canvas;
    private LiveTable<WaitForGraph.Edge> table;

    @Override
    protected Control createContent(Composite parent) {
        whole = new Composite(parent, SWT.NONE);
        GridLayoutFactory.fillDefaults().spacing(0, 0).applyTo(whole);
        deadlock = new Label(whole, SWT.WRAP);
        GridDataFactory.fillDefaults().grab(true, false).exclude(true).applyTo(deadlock);
        pages = new Composite(whole, SWT.NONE);
        pages.setLayout(new StackLayout());
        GridDataFactory.fillDefaults().grab(true, true).applyTo(pages);
        canvas = new GraphCanvas(pages, Messages.WaitFor_title);
        canvas.onFocus(cell -> {
            Subject subject = canvas.node(cell).subject();
            select(subject.pid(), subject.thread(), subject.object(), subject.type());
        });
        table = new LiveTable<>(pages, List.of(Column.text(Messages.WaitFor_thread, 130, e -> e.from().name()), Column.text(Messages.WaitFor_reason, 90, WaitForGraph.Edge::reason),
                Column.text(Messages.WaitFor_object, 140, WaitForGraph.Edge::object), Column.text(Messages.WaitFor_for, 130, e -> e.to().name())),
                e -> e.from().id() + ">" + e.to().id());
        table.onArrangement(this::refresh);
        table.onSelection(e -> select(e.from().pid(), e.from().address(), e.from().object(), "Thread"));
        for (Control each : List.of(canvas, table.control())) {
            each.addListener(SWT.KeyDown, e -> {
                if ((e.stateMask & SWT.MODIFIER_MASK) == 0 && e.character == 't') {
                    StackLayout stack = (StackLayout) pages.getLayout();
                    stack.topControl = stack.topControl == canvas ? table.control() : canvas;
                    pages.layout();
                    focusContent();
                    e.doit = false;
                }
            });
        }
        ((StackLayout) pages.getLayout()).topControl = canvas;
        return whole;
    }

    @Override
    protected Reading<Model> reading() {
        Arrangement<WaitForGraph.Edge> arrangement = table.arrangement(filterText());
        GraphLayout.Letters letters = canvas.letters();
        return new Reading<>(Request.of(Part.THREADS, Part.CAPABILITIES), (snapshot, memory, previous) -> {
            WaitModel waits = WaitModel.of(snapshot, arrangement);
            return new Model(waits, GraphLayout.of(waits.graph(), previous == null ? null : previous.layout, letters));
        });
    }

    @Override
    protected void show(Snapshot shown, Model model) {
        canvas.show(model.layout, filterText());
        table.show(model.waits.rows());
        String words = model.waits.deadlocks().isEmpty() ? "" : "\u26a0 " + Messages.WaitFor_deadlock + " " + String.join("\n\u26a0 ", model.waits.deadlocks());
        if (!words.equals(deadlock.getText())) {
            deadlock.setText(words);
            ((GridData) deadlock.getLayoutData()).exclude = words.isEmpty();
            deadlock.setVisible(!words.isEmpty());
            whole.layout();
        }
    }

    @Override
    public LiveTable<WaitForGraph.Edge> table() {
        return table;
    }

    @Override
    public CellCanvas canvas() {
        return canvas;
    }

    @Override
    protected void save(IMemento into) {
        table.save(into, "edges");
        into.putBoolean("table", ((StackLayout) pages.getLayout()).topControl != canvas);
    }

    @Override
    protected void restore(IMemento from) {
        table.restore(from, "edges");
        if (from != null && Boolean.TRUE.equals(from.getBoolean("table"))) {
            ((StackLayout) pages.getLayout()).topControl = table.control();
        }
    }
}
