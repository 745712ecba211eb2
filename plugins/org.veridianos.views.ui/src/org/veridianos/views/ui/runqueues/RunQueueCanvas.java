package org.veridianos.views.ui.runqueues;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.graphics.RGB;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Composite;
import org.veridianos.inspect.model.ThreadState;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.model.CpuHistory;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.model.RunQueueModel;
import org.veridianos.views.ui.model.RunQueueModel.Group;
import org.veridianos.views.ui.model.RunQueueModel.Lane;
import org.veridianos.views.ui.model.RunQueueModel.Waiting;
import org.veridianos.views.ui.paint.Hue;
import org.veridianos.views.ui.paint.Pen;
import org.veridianos.views.ui.paint.Pen.Dash;
import org.veridianos.views.ui.paint.Pen.Face;
import org.veridianos.views.ui.widget.CellCanvas;

/**
 * One lane for each CPU: number, the thread that runs, those that are ready in the order in which they will run, and three
 * sparklines; below the lanes the blocked threads, grouped by what they wait for. Each thread is a cell.
 */
public final class RunQueueCanvas extends CellCanvas {

    private static final int PAD = 4;
    private static final int GUTTER = 76;
    private static final int SPARKS = 220;
    private static final int MOST_READY = 24;
    private static final int MOST_BLOCKED = 60;

    /** What a cell shows; a null thread is an idle CPU, or the rest that has no room. */
    private record Cell(Rectangle bounds, ThreadState thread, String label, String detail, Kind kind, String value) {
    }

    private enum Kind {
        RUNNING, IDLE, READY, IPC, BLOCKED, REST
    }

    private record Heading(String text, String detail, int y) {
    }

    private RunQueueModel model;
    private String filter = "";
    private long marked;
    private final List<Cell> cells = new ArrayList<>();
    private final List<Heading> headings = new ArrayList<>();
    private final List<Integer> laneTops = new ArrayList<>();
    private int blockedTop;

    RunQueueCanvas(Composite parent) {
        super(parent);
    }

    /** Shows a model; threads whose name or state lacks a word of {@code words} fade. */
    void show(RunQueueModel next, String words) {
        Cell focused = focusCell() >= 0 && focusCell() < cells.size() ? cells.get(focusCell()) : null;
        model = next;
        filter = words.toLowerCase(Locale.ROOT).strip();
        cellsChanged();
        if (focused != null && focused.thread() != null) {
            // The focus stays with its thread, wherever that goes.
            refocus(focused.thread().address());
        }
    }

    private void refocus(long thread) {
        cellAt(-1, -1);
        for (int i = 0; i < cells.size(); i++) {
            if (cells.get(i).thread() != null && cells.get(i).thread().address() == thread) {
                renumberFocus(i);
                return;
            }
        }
    }

    /** Another view selected a thread. */
    void mark(long thread) {
        marked = thread;
        redraw();
    }

    /** Address of the thread that another view selected, 0 for none. */
    long marked() {
        return marked;
    }

    /** The thread of a cell; null for an idle CPU. */
    ThreadState thread(int cell) {
        return cells.get(cell).thread();
    }

    @Override
    protected String title() {
        return Messages.RunQueues_title;
    }

    @Override
    protected int layOut(Pen pen, int width) {
        cells.clear();
        headings.clear();
        laneTops.clear();
        if (model == null) {
            return 0;
        }
        int line = pen.extent(Face.NORMAL, "Xg").y;
        int high = 2 * line + 2 * PAD;
        int y = PAD;
        int right = width - (width > 460 ? SPARKS : 0) - 2 * PAD;
        for (Lane lane : model.lanes()) {
            laneTops.add(y);
            headings.add(new Heading(NLS.bind(Messages.RunQueues_cpu, Integer.toString(lane.queue().cpu())), laneDetail(lane), y));
            int bottom = flow(pen, laneCells(lane), GUTTER, right, y, high);
            y = bottom + 2 * PAD;
        }
        laneTops.add(y);
        blockedTop = y;
        if (!model.blocked().isEmpty()) {
            y += PAD;
            for (Group group : model.blocked()) {
                headings.add(new Heading(group.reason(), Numbers.count(group.threads().size()), y));
                y = flow(pen, groupCells(group), GUTTER, width - 2 * PAD, y, line + 2 * PAD) + PAD;
            }
        }
        return y + PAD;
    }

    private static String laneDetail(Lane lane) {
        String state = lane.queue().state().toLowerCase(Locale.ROOT);
        return state.equals("online") ? NLS.bind(Messages.RunQueues_node, Integer.toString(lane.queue().node())) : state;
    }

    private List<Cell> laneCells(Lane lane) {
        List<Cell> row = new ArrayList<>();
        ThreadState running = lane.running();
        String cpu = NLS.bind(Messages.RunQueues_cpu, Integer.toString(lane.queue().cpu()));
        if (running != null) {
            row.add(new Cell(null, running, running.name(), running.classText(), Kind.RUNNING, NLS.bind(Messages.RunQueues_runningOn, cpu, running.classText())));
        } else {
            row.add(new Cell(null, null, Messages.RunQueues_idle, "", Kind.IDLE, cpu));
        }
        int place = 0;
        for (Waiting ready : lane.ready()) {
            if (place++ == MOST_READY) {
                row.add(new Cell(null, null, NLS.bind(Messages.RunQueues_more, Numbers.count(lane.ready().size() - MOST_READY)), "", Kind.REST, cpu));
                break;
            }
            row.add(new Cell(null, ready.thread(), ready.thread().name(), ready.place(), Kind.READY,
                    NLS.bind(Messages.RunQueues_readyOn, new Object[] {Integer.toString(place), cpu, ready.place()})));
        }
        return row;
    }

    private List<Cell> groupCells(Group group) {
        List<Cell> row = new ArrayList<>();
        for (ThreadState thread : group.threads()) {
            if (row.size() == MOST_BLOCKED) {
                row.add(new Cell(null, null, NLS.bind(Messages.RunQueues_more, Numbers.count(group.threads().size() - MOST_BLOCKED)), "", Kind.REST, group.reason()));
                break;
            }
            String partner = thread.waiting().object().name();
            row.add(new Cell(null, thread, thread.name(), partner.isEmpty() ? "" : "\u2192 " + partner, group.ipc() ? Kind.IPC : Kind.BLOCKED,
                    RunQueueModel.stateText(thread)));
        }
        return row;
    }

    /** Places cells from left to right and line by line; returns the y below the last line. */
    private int flow(Pen pen, List<Cell> row, int left, int right, int top, int high) {
        int x = left;
        int y = top;
        boolean tall = high > 2 * pen.extent(Face.NORMAL, "Xg").y;
        for (Cell cell : row) {
            int label = pen.extent(Face.NORMAL, cell.label()).x;
            int detail = pen.extent(Face.NORMAL, cell.detail()).x;
            int wide = Math.min(Math.max(80, right - left), (tall ? Math.max(Math.max(label, detail), 84) : label + (detail > 0 ? detail + 2 * PAD : 0)) + 4 * PAD);
            if (x > left && x + wide > right) {
                x = left;
                y += high + PAD;
            }
            cells.add(new Cell(new Rectangle(x, y, wide, high), cell.thread(), cell.label(), cell.detail(), cell.kind(), cell.value()));
            x += wide + PAD;
        }
        return y + high;
    }

    @Override
    protected void draw(Pen pen, int top, int width) {
        if (model == null) {
            return;
        }
        RGB text = pen.theme().foreground();
        RGB dim = pen.theme().dim();
        int line = pen.extent(Face.NORMAL, "Xg").y;
        for (Heading heading : headings) {
            boolean lane = heading.y() < blockedTop;
            pen.text(text, lane ? Face.BOLD : Face.NORMAL, pen.fitted(Face.NORMAL, heading.text(), GUTTER - 3 * PAD - (lane ? 0 : 20)), 2 * PAD, top + heading.y() + PAD);
            if (lane) {
                pen.text(dim, Face.NORMAL, heading.detail(), 2 * PAD, top + heading.y() + PAD + line);
            } else {
                pen.text(dim, Face.NORMAL, heading.detail(), GUTTER - PAD - pen.extent(Face.NORMAL, heading.detail()).x - PAD, top + heading.y() + PAD);
            }
        }
        for (int i = 0; i < model.lanes().size() && i + 1 < laneTops.size(); i++) {
            int y = top + laneTops.get(i + 1) - PAD;
            pen.line(pen.theme().hairline(), Dash.SOLID, 1, 0, y, width, y);
            if (width > 460) {
                sparks(pen, model.lanes().get(i), width - SPARKS, top + laneTops.get(i), line);
            }
        }
        for (Cell cell : cells) {
            cell(pen, cell, top, line);
        }
    }

    private void cell(Pen pen, Cell cell, int top, int line) {
        Rectangle r = new Rectangle(cell.bounds().x, cell.bounds().y + top, cell.bounds().width, cell.bounds().height);
        boolean faded = !filter.isEmpty() && !(cell.label() + " " + cell.detail() + " " + cell.value()).toLowerCase(Locale.ROOT).contains(filter);
        RGB text = faded ? pen.theme().hairline() : pen.theme().foreground();
        RGB dim = faded ? pen.theme().hairline() : pen.theme().dim();
        switch (cell.kind()) {
            case RUNNING -> {
                pen.fill(pen.theme().tint(Hue.RUNNING), r.x, r.y, r.width, r.height);
                pen.fill(pen.theme().mark(Hue.RUNNING), r.x, r.y, 4, r.height);
            }
            case READY -> {
                pen.fill(pen.theme().tint(Hue.READY), r.x, r.y, r.width, r.height);
                pen.fill(pen.theme().mark(Hue.READY), r.x, r.y + r.height - 3, r.width, 3);
            }
            case IPC -> pen.line(pen.theme().mark(Hue.IPC), Dash.DOTTED, 2, r.x, r.y + r.height - 2, r.x + r.width - 1, r.y + r.height - 2);
            case BLOCKED -> pen.line(pen.theme().mark(Hue.BLOCKED), Dash.DASHED, 2, r.x, r.y + r.height - 2, r.x + r.width - 1, r.y + r.height - 2);
            case IDLE, REST -> pen.box(pen.theme().hairline(), r.x, r.y, r.width, r.height);
        }
        if (cell.thread() != null && cell.thread().address() == marked) {
            pen.box(pen.theme().selection(), r.x, r.y, r.width, r.height);
        }
        boolean tall = r.height > 2 * line;
        pen.text(cell.thread() == null ? dim : text, Face.NORMAL, pen.fitted(Face.NORMAL, cell.label(), r.width - 3 * PAD), r.x + 2 * PAD, r.y + PAD - (tall ? 1 : 1));
        if (tall) {
            pen.text(dim, Face.NORMAL, pen.fitted(Face.NORMAL, cell.detail(), r.width - 3 * PAD), r.x + 2 * PAD, r.y + PAD + line - 2);
        } else if (!cell.detail().isEmpty()) {
            pen.text(dim, Face.NORMAL, cell.detail(), r.x + 4 * PAD + pen.extent(Face.NORMAL, cell.label()).x, r.y + PAD - 1);
        }
    }

    private static void sparks(Pen pen, Lane lane, int x, int y, int line) {
        CpuHistory history = lane.history();
        int each = Math.max(12, (2 * line + 2 * PAD) / 3);
        spark(pen, Messages.RunQueues_load, history.load(), Numbers.count(Math.round(CpuHistory.last(history.load()))), x, y, each, Hue.READY);
        spark(pen, Messages.RunQueues_switches, history.switches(), rate(history.switches()), x, y + each, each, Hue.KERNEL);
        spark(pen, Messages.RunQueues_migrations, history.migrations(), rate(history.migrations()), x, y + 2 * each, each, Hue.BLOCKED);
    }

    private static String rate(double[] series) {
        return NLS.bind(Messages.RunQueues_perSecond, Numbers.significant(CpuHistory.last(series)));
    }

    private static void spark(Pen pen, String name, double[] series, String value, int x, int y, int height, Hue hue) {
        Point size = pen.extent(Face.NORMAL, name);
        int baseline = y + height - 2;
        int textY = y + (height - size.y) / 2;
        pen.text(pen.theme().dim(), Face.NORMAL, name, x, textY);
        int left = x + 80;
        int wide = SPARKS - 80 - 64;
        pen.line(pen.theme().hairline(), Dash.SOLID, 1, left, baseline, left + wide, baseline);
        double most = 1;
        for (double v : series) {
            most = Math.max(most, v);
        }
        if (series.length > 1) {
            int[] points = new int[series.length * 2];
            for (int i = 0; i < series.length; i++) {
                points[2 * i] = left + wide - (series.length - 1 - i) * wide / (CpuHistory.MOST - 1);
                points[2 * i + 1] = baseline - (int) Math.round(series[i] / most * (height - 4));
            }
            pen.path(pen.theme().mark(hue), 1, points);
        }
        pen.text(pen.theme().foreground(), Face.NORMAL, value, x + SPARKS - 2 * PAD - pen.extent(Face.NORMAL, value).x, textY);
    }

    @Override
    public int cellCount() {
        return cells.size();
    }

    @Override
    protected Rectangle cellBounds(int cell) {
        return cells.get(cell).bounds();
    }

    @Override
    public String cellName(int cell) {
        return cells.get(cell).label();
    }

    @Override
    public String cellValue(int cell) {
        Cell shown = cells.get(cell);
        ThreadState thread = shown.thread();
        return thread == null ? shown.value()
                : NLS.bind(Messages.RunQueues_value, new Object[] {shown.value(), Numbers.time(thread.runTime()), Numbers.count(thread.switches())});
    }
}
