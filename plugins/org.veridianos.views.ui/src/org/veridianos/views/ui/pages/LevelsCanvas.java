package org.veridianos.views.ui.pages;

import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.RGB;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Composite;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.PageTable.Table;
import org.veridianos.inspect.model.Permissions;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.model.PageModel;
import org.veridianos.views.ui.paint.Hue;
import org.veridianos.views.ui.paint.Pen;
import org.veridianos.views.ui.paint.Pen.Face;
import org.veridianos.views.ui.widget.CellCanvas;

/**
 * The address space as its tables: a square of 512 cells for each level, from the top table to single pages. Each square
 * shows the table below the marked cell of the square before, so that going in is zooming in by 512: Enter, plus or the wheel
 * go one level in, Backspace, minus or the wheel go out, the arrows move inside a table.
 */
public final class LevelsCanvas extends CellCanvas {

    private static final int PAD = 4;
    private static final int ACROSS = 32;
    private static final int LINES = PageFormat.ENTRIES / ACROSS;
    private static final int LEVELS = PageFormat.TOP + 1;

    private PageModel model;
    /** Marked entry of each square, the top table's first. */
    private final int[] marked = new int[LEVELS];
    private final Table[] tables = new Table[LEVELS];
    private final long[] starts = new long[LEVELS];
    private final Permissions[] above = new Permissions[LEVELS];
    private int shown;
    private int size = 4;
    private int perLine = LEVELS;
    private int line = 16;
    private Colouring colouring = Colouring.PERMISSIONS;

    LevelsCanvas(Composite parent) {
        super(parent);
        addListener(SWT.MouseVerticalWheel, e -> {
            zoom(e.count > 0, cellAt(e.x, e.y));
            e.doit = false;
        });
        addListener(SWT.KeyDown, e -> {
            if (e.keyCode == SWT.BS || e.character == '-') {
                zoom(false, focusCell());
            } else if (e.keyCode == SWT.CR || e.character == '+') {
                zoom(true, focusCell());
            }
        });
        onFocus(this::mark);
    }

    /** Shows a model; another address space starts with its first entries. */
    void show(PageModel next) {
        boolean other = model == null || next.selected() == null || model.selected() == null
                || model.selected().addressSpace() != next.selected().addressSpace();
        boolean same = model != null && model.selected() == next.selected();
        model = next;
        if (other) {
            for (int i = 0; i < LEVELS; i++) {
                marked[i] = -1;
            }
        }
        if (!same) {
            descend(0);
            cellsChanged();
        }
    }

    /** What the colours tell. */
    Colouring colouring() {
        return colouring;
    }

    /** Lets the colours tell something else. */
    void colourBy(Colouring what) {
        colouring = what;
        redraw();
    }

    /** Goes to the page or table entry that covers an address. */
    void reveal(long virtual, int level) {
        if (shown == 0) {
            return;
        }
        int depth = Math.clamp(PageFormat.TOP - level, 0, LEVELS - 1);
        for (int i = 0; i <= depth; i++) {
            marked[i] = PageFormat.index(virtual, PageFormat.TOP - i);
            if (i < depth) {
                descend(i + 1);
            }
        }
        descend(depth + 1);
        renumberFocus(Math.min(depth, shown - 1) * PageFormat.ENTRIES + Math.max(0, marked[Math.min(depth, shown - 1)]));
        redraw();
    }

    /** Finds the tables from a square on, following the marked cells, or the first ones in use. */
    private void descend(int from) {
        PageTable space = model == null ? null : model.selected();
        shown = space == null ? 0 : Math.min(from, shown);
        for (int i = space == null ? LEVELS : from; i < LEVELS; i++) {
            Table table;
            if (i == 0) {
                table = space.top();
                starts[0] = space.start();
                above[0] = Permissions.ALL;
            } else {
                Table up = tables[i - 1];
                int entry = marked[i - 1];
                if (i > shown || up == null || entry < 0 || entry >= up.size() || up.below(entry) == null) {
                    break;
                }
                table = up.below(entry);
                starts[i] = PageModel.virtual(space, PageFormat.TOP - i + 1, starts[i - 1], entry);
                above[i] = space.format().restrict(above[i - 1], up.entry(entry));
            }
            tables[i] = table;
            shown = i + 1;
            if (marked[i] < 0 || marked[i] >= table.size()) {
                marked[i] = firstUsed(space.format(), table);
            }
        }
    }

    private static int firstUsed(PageFormat format, Table table) {
        for (int i = 0; i < table.size(); i++) {
            if (format.isPresent(table.entry(i))) {
                return i;
            }
        }
        return 0;
    }

    private void mark(int cell) {
        int square = cell / PageFormat.ENTRIES;
        marked[square] = cell % PageFormat.ENTRIES;
        for (int i = square + 1; i < LEVELS; i++) {
            marked[i] = -1;
        }
        descend(square + 1);
        redraw();
    }

    private void zoom(boolean in, int cell) {
        if (cell < 0) {
            return;
        }
        int square = cell / PageFormat.ENTRIES;
        if (in) {
            mark(cell);
            if (square + 1 < shown) {
                setFocusCell((square + 1) * PageFormat.ENTRIES + marked[square + 1]);
            }
        } else if (square > 0) {
            setFocusCell((square - 1) * PageFormat.ENTRIES + marked[square - 1]);
        }
    }

    @Override
    protected String title() {
        return Messages.Pages_map;
    }

    @Override
    protected int layOut(Pen pen, int width) {
        line = pen.extent(Face.NORMAL, "X").y;
        int inOneLine = (width - PAD - LEVELS * 3 * PAD) / (LEVELS * ACROSS);
        int heightOfTwo = (getClientArea().height - 4 * line - 6 * PAD) / (2 * LINES);
        int inTwoLines = Math.min((width - PAD - 6 * PAD) / (2 * ACROSS), heightOfTwo);
        perLine = inTwoLines > inOneLine ? 2 : LEVELS;
        size = Math.clamp(Math.max(inOneLine, inTwoLines), 3, 14);
        return (LEVELS / perLine) * (line + LINES * size + 2 * PAD) + 2 * line + 2 * PAD;
    }

    private int left(int square) {
        return 2 * PAD + square % perLine * (ACROSS * size + 3 * PAD);
    }

    private int top(int square) {
        return PAD + line + square / perLine * (line + LINES * size + 2 * PAD);
    }

    @Override
    protected void draw(Pen pen, int y, int width) {
        for (int square = 0; square < LEVELS; square++) {
            int level = PageFormat.TOP - square;
            int x = left(square);
            String name = NLS.bind(Messages.Pages_level, Integer.toString(level), Numbers.size(PageFormat.size(level)));
            pen.text(square < shown ? pen.theme().foreground() : pen.theme().hairline(), Face.NORMAL, pen.fitted(Face.NORMAL, name, ACROSS * size), x, y + top(square) - line);
            pen.box(pen.theme().hairline(), x - 1, y + top(square) - 1, ACROSS * size + 1, LINES * size + 1);
            if (square < shown) {
                for (int entry = 0; entry < tables[square].size(); entry++) {
                    entry(pen, square, entry, y);
                }
                Rectangle chosen = cellBounds(square * PageFormat.ENTRIES + marked[square]);
                pen.box(pen.theme().foreground(), chosen.x - 1, chosen.y + y - 1, chosen.width + 2, chosen.height + 2);
            }
        }
        if (shown > 0) {
            int square = focusCell() < 0 ? shown - 1 : Math.min(shown - 1, focusCell() / PageFormat.ENTRIES);
            String words = cellName(square * PageFormat.ENTRIES + marked[square]) + "   " + cellValue(square * PageFormat.ENTRIES + marked[square]);
            int at = y + top(LEVELS - 1) + LINES * size + PAD;
            pen.text(pen.theme().foreground(), Face.NORMAL, pen.fitted(Face.NORMAL, words, width - 4 * PAD), 2 * PAD, at);
            legend(pen, 2 * PAD, at + line);
        }
    }

    private void entry(Pen pen, int square, int entry, int y) {
        Table table = tables[square];
        PageFormat format = model.selected().format();
        long raw = table.entry(entry);
        if (!format.isPresent(raw)) {
            return;
        }
        Rectangle r = cellBounds(square * PageFormat.ENTRIES + entry);
        int level = PageFormat.TOP - square;
        if (table.problem(entry) != null) {
            pen.box(pen.theme().mark(Hue.DANGER), r.x, y + r.y, r.width, r.height);
            return;
        }
        if (!format.isLeaf(raw, level)) {
            RGB frame = pen.theme().dim();
            pen.box(frame, r.x, y + r.y, r.width, r.height);
            if (r.width >= 5) {
                Table below = table.below(entry);
                int inside = below == null ? 0 : Math.max(1, (r.height - 2) * PageModel.used(format, below) / PageFormat.ENTRIES);
                pen.fill(frame, r.x + 1, y + r.y + r.height - 1 - inside, r.width - 2, inside);
            }
            return;
        }
        Permissions allowed = format.permissions(raw, level).and(above[square]);
        String region = colouring == Colouring.OWNER ? PageModel.region(model.selected(), address(square * PageFormat.ENTRIES + entry)) : "";
        PageStyle.of(colouring, allowed, level, format.isAccessed(raw), format.isDirty(raw), region).draw(pen, r.x, y + r.y, r.width, r.height);
        if (colouring == Colouring.PERMISSIONS && r.width >= 5 && !allowed.user() && !allowed.isWriteExecute()) {
            pen.line(pen.theme().background(), Pen.Dash.SOLID, 1, r.x, y + r.y + r.height - 1, r.x + r.width - 1, y + r.y);
        }
    }

    private void legend(Pen pen, int x, int y) {
        int at = x;
        for (PageStyle style : PageStyle.of(colouring)) {
            int side = Math.max(6, line - 6);
            style.draw(pen, at, y + 3, side, side);
            pen.text(pen.theme().foreground(), Face.NORMAL, style.name(), at + side + PAD, y);
            at += side + 4 * PAD + pen.extent(Face.NORMAL, style.name()).x;
        }
    }

    @Override
    public int cellCount() {
        return shown * PageFormat.ENTRIES;
    }

    @Override
    protected Rectangle cellBounds(int cell) {
        int square = cell / PageFormat.ENTRIES;
        int entry = cell % PageFormat.ENTRIES;
        return new Rectangle(left(square) + entry % ACROSS * size, top(square) + entry / ACROSS * size, size - 1, size - 1);
    }

    @Override
    protected int cellAt(int x, int y) {
        for (int square = 0; square < shown; square++) {
            int column = x - left(square);
            int row = y - top(square);
            if (column >= 0 && row >= 0 && column < ACROSS * size && row < LINES * size) {
                return square * PageFormat.ENTRIES + row / size * ACROSS + column / size;
            }
        }
        return -1;
    }

    @Override
    protected int neighbour(int from, int direction) {
        int square = from / PageFormat.ENTRIES;
        int entry = from % PageFormat.ENTRIES;
        int to = entry + switch (direction) {
            case SWT.ARROW_LEFT -> -1;
            case SWT.ARROW_RIGHT -> 1;
            case SWT.ARROW_UP -> -ACROSS;
            default -> ACROSS;
        };
        return to < 0 || to >= PageFormat.ENTRIES ? from : square * PageFormat.ENTRIES + to;
    }

    private long address(int cell) {
        int square = cell / PageFormat.ENTRIES;
        return PageModel.virtual(model.selected(), PageFormat.TOP - square, starts[square], cell % PageFormat.ENTRIES);
    }

    /** First address that the cell with the focus covers; 0 without one. */
    long focusAddress() {
        return focusCell() < 0 || focusCell() >= cellCount() ? 0 : address(focusCell());
    }

    /** Level of the table that the cell with the focus is in; the top table's without one. */
    int focusLevel() {
        return PageFormat.TOP - Math.max(0, focusCell()) / PageFormat.ENTRIES;
    }

    @Override
    public String cellName(int cell) {
        return Numbers.hex(address(cell));
    }

    @Override
    public String cellValue(int cell) {
        int square = cell / PageFormat.ENTRIES;
        int level = PageFormat.TOP - square;
        Table table = tables[square];
        int index = cell % PageFormat.ENTRIES;
        PageFormat format = model.selected().format();
        long raw = index < table.size() ? table.entry(index) : 0;
        if (!format.isPresent(raw)) {
            return Messages.Pages_unmapped;
        }
        if (table.problem(index) != null) {
            return table.problem(index);
        }
        String physical = Numbers.hex(format.address(raw));
        if (!format.isLeaf(raw, level)) {
            Table below = table.below(index);
            return NLS.bind(Messages.Pages_table, Integer.toString(below == null ? 0 : PageModel.used(format, below)), physical);
        }
        Permissions allowed = format.permissions(raw, level).and(above[square]);
        String used = format.isDirty(raw) ? Messages.Pages_dirty : format.isAccessed(raw) ? Messages.Pages_accessed : Messages.Pages_untouched;
        String region = PageModel.region(model.selected(), address(cell));
        return NLS.bind(Messages.Pages_page, new Object[] {Numbers.size(PageFormat.size(level)), PageModel.letters(allowed), physical, used,
                !allowed.user() ? Messages.Pages_kernel : region.isEmpty() ? Messages.Pages_noRegion : region});
    }
}
