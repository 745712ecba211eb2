package org.veridianos.views.ui.widget;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import org.eclipse.swt.SWT;
import org.eclipse.swt.accessibility.ACC;
import org.eclipse.swt.accessibility.AccessibleAdapter;
import org.eclipse.swt.accessibility.AccessibleControlAdapter;
import org.eclipse.swt.accessibility.AccessibleControlEvent;
import org.eclipse.swt.accessibility.AccessibleEvent;
import org.eclipse.swt.events.KeyEvent;
import org.eclipse.swt.graphics.GC;
import org.eclipse.swt.graphics.Image;
import org.eclipse.swt.graphics.ImageData;
import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Canvas;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.ScrollBar;
import org.veridianos.views.ui.paint.GcPen;
import org.veridianos.views.ui.paint.Pen;
import org.veridianos.views.ui.paint.SvgPen;
import org.veridianos.views.ui.paint.Theme;

/**
 * A picture made of cells. One of them has the focus: the arrow keys move it to the nearest cell in their direction, a click
 * takes it there, and a screen reader hears its name and value. What is higher than the window scrolls.
 *
 * <p>A subclass lays its cells out for a width and draws them; cells are numbered from 0 in reading order.
 */
public abstract class CellCanvas extends Canvas {

    private int focus = -1;
    private int scroll;
    private int laidOutWidth = -1;
    private int height;
    private boolean whole;
    private final List<IntConsumer> onFocus = new ArrayList<>();
    private final List<IntConsumer> onOpen = new ArrayList<>();

    /** An empty canvas. */
    protected CellCanvas(Composite parent) {
        super(parent, SWT.DOUBLE_BUFFERED | SWT.V_SCROLL);
        addPaintListener(e -> {
            layOutIfNeeded();
            Pen pen = new GcPen(e.gc, Theme.of(this));
            e.gc.setAntialias(SWT.OFF);
            pen.fill(pen.theme().background(), 0, 0, getClientArea().width, getClientArea().height);
            draw(pen, -scroll, getClientArea().width);
            if (focus >= 0 && focus < cellCount() && isFocusControl()) {
                Rectangle cell = cellBounds(focus);
                pen.focus(new Rectangle(cell.x, cell.y - scroll, cell.width, cell.height));
            }
        });
        addListener(SWT.Resize, e -> {
            laidOutWidth = -1;
            redraw();
        });
        addListener(SWT.FocusIn, e -> {
            if (focus < 0 && cellCount() > 0) {
                setFocusCell(0);
            }
            redraw();
        });
        addListener(SWT.FocusOut, e -> redraw());
        addListener(SWT.MouseDown, e -> {
            setFocus();
            int cell = cellAt(e.x, e.y + scroll);
            if (cell >= 0) {
                setFocusCell(cell);
            }
        });
        addListener(SWT.MouseDoubleClick, e -> {
            if (cellAt(e.x, e.y + scroll) >= 0) {
                onOpen.forEach(l -> l.accept(focus));
            }
        });
        addListener(SWT.MouseMove, e -> {
            int cell = cellAt(e.x, e.y + scroll);
            String tip = cell < 0 ? null : cellName(cell) + "\n" + cellValue(cell);
            if (!java.util.Objects.equals(tip, getToolTipText())) {
                setToolTipText(tip);
            }
        });
        addListener(SWT.Traverse, e -> e.doit = e.detail == SWT.TRAVERSE_TAB_NEXT || e.detail == SWT.TRAVERSE_TAB_PREVIOUS);
        addKeyListener(org.eclipse.swt.events.KeyListener.keyPressedAdapter(this::key));
        ScrollBar bar = getVerticalBar();
        bar.addListener(SWT.Selection, e -> {
            scroll = bar.getSelection();
            redraw();
        });
        addAccessible();
    }

    private void addAccessible() {
        getAccessible().addAccessibleListener(new AccessibleAdapter() {
            @Override
            public void getName(AccessibleEvent e) {
                e.result = focus >= 0 && focus < cellCount() ? title() + ": " + cellName(focus) : title();
            }

            @Override
            public void getDescription(AccessibleEvent e) {
                e.result = focus >= 0 && focus < cellCount() ? cellValue(focus) : "";
            }
        });
        getAccessible().addAccessibleControlListener(new AccessibleControlAdapter() {
            @Override
            public void getRole(AccessibleControlEvent e) {
                e.detail = ACC.ROLE_TABLECELL;
            }

            @Override
            public void getValue(AccessibleControlEvent e) {
                e.result = focus >= 0 && focus < cellCount() ? cellValue(focus) : "";
            }

            @Override
            public void getState(AccessibleControlEvent e) {
                e.detail = ACC.STATE_FOCUSABLE | (isFocusControl() ? ACC.STATE_FOCUSED : 0);
            }
        });
    }

    /** What the picture shows, for a screen reader. */
    protected abstract String title();

    /** Places the cells for a width and returns the height that they need. */
    protected abstract int layOut(Pen pen, int width);

    /** Draws everything, {@code y} pixels lower than it was laid out. */
    protected abstract void draw(Pen pen, int y, int width);

    /** How many cells there are. */
    public abstract int cellCount();

    /** Where a cell lies, not scrolled. */
    protected abstract Rectangle cellBounds(int cell);

    /** What a cell stands for. */
    public abstract String cellName(int cell);

    /** What it shows, in words. */
    public abstract String cellValue(int cell);

    /** The cell at a point, or -1. */
    protected int cellAt(int x, int y) {
        layOutIfNeeded();
        for (int i = 0; i < cellCount(); i++) {
            if (cellBounds(i).contains(x, y)) {
                return i;
            }
        }
        return -1;
    }

    /** The next cell in a direction ({@link SWT#ARROW_UP}…), or the same one. */
    protected int neighbour(int from, int direction) {
        Rectangle here = cellBounds(from);
        int best = from;
        long bestDistance = Long.MAX_VALUE;
        for (int i = 0; i < cellCount(); i++) {
            Rectangle there = cellBounds(i);
            int dx = there.x + there.width / 2 - here.x - here.width / 2;
            int dy = there.y + there.height / 2 - here.y - here.height / 2;
            long along = switch (direction) {
                case SWT.ARROW_LEFT -> -dx;
                case SWT.ARROW_RIGHT -> dx;
                case SWT.ARROW_UP -> -dy;
                default -> dy;
            };
            boolean horizontal = direction == SWT.ARROW_LEFT || direction == SWT.ARROW_RIGHT;
            long across = Math.abs(horizontal ? dy : dx);
            boolean sameLine = horizontal ? across < Math.max(here.height, there.height) / 2 + 1 : along > 0;
            if (i != from && along > 0 && sameLine && along + 3 * across < bestDistance) {
                bestDistance = along + 3 * across;
                best = i;
            }
        }
        return best;
    }

    /** The cells have changed: lays them out anew and draws. */
    protected void cellsChanged() {
        laidOutWidth = -1;
        if (focus >= cellCount()) {
            focus = cellCount() - 1;
        }
        redraw();
    }

    private void layOutIfNeeded() {
        int width = getClientArea().width;
        if (laidOutWidth == width) {
            return;
        }
        laidOutWidth = width;
        GC gc = new GC(this);
        height = layOut(new GcPen(gc, Theme.of(this)), width);
        gc.dispose();
        int visible = getClientArea().height;
        ScrollBar bar = getVerticalBar();
        boolean needed = height > visible;
        if (bar.getVisible() != needed) {
            bar.setVisible(needed);
        }
        bar.setValues(Math.min(scroll, Math.max(0, height - visible)), 0, Math.max(1, height), Math.max(1, Math.min(visible, height)), 24, Math.max(24, visible));
        scroll = needed ? bar.getSelection() : 0;
    }

    private void key(KeyEvent e) {
        switch (e.keyCode) {
            case SWT.ARROW_LEFT, SWT.ARROW_RIGHT, SWT.ARROW_UP, SWT.ARROW_DOWN -> {
                layOutIfNeeded();
                if (cellCount() > 0) {
                    setFocusCell(focus < 0 ? 0 : neighbour(focus, e.keyCode));
                }
            }
            case SWT.HOME -> setFocusCell(0);
            case SWT.END -> setFocusCell(cellCount() - 1);
            case SWT.CR, SWT.KEYPAD_CR -> {
                if (focus >= 0) {
                    onOpen.forEach(l -> l.accept(focus));
                }
            }
            default -> {
                // Keys that the view knows.
            }
        }
    }

    /** The cell with the focus, -1 for none. */
    public int focusCell() {
        return focus;
    }

    /** Gives a cell the focus, scrolls to it and tells everybody. */
    public void setFocusCell(int cell) {
        if (cell < 0 || cell >= cellCount()) {
            return;
        }
        focus = cell;
        layOutIfNeeded();
        reveal(cell);
        redraw();
        getAccessible().setFocus(ACC.CHILDID_SELF);
        getAccessible().sendEvent(ACC.EVENT_NAME_CHANGED, null);
        getAccessible().sendEvent(ACC.EVENT_VALUE_CHANGED, null);
        onFocus.forEach(l -> l.accept(cell));
    }

    /** Scrolls until a cell can be seen. */
    protected void reveal(int cell) {
        Rectangle bounds = cellBounds(cell);
        int visible = getClientArea().height;
        if (bounds.y < scroll) {
            scroll = Math.max(0, bounds.y - 8);
        } else if (bounds.y + bounds.height > scroll + visible) {
            scroll = Math.min(Math.max(0, height - visible), bounds.y + bounds.height - visible + 8);
        }
        getVerticalBar().setSelection(scroll);
    }

    /** Moves the focus without telling anybody: the cells were renumbered. */
    protected void renumberFocus(int cell) {
        focus = cell;
    }

    /** {@code listener} hears of each cell that gets the focus. */
    public void onFocus(IntConsumer listener) {
        onFocus.add(listener);
    }

    /** {@code listener} hears of each cell that is opened, with Enter or a double click. */
    public void onOpen(IntConsumer listener) {
        onOpen.add(listener);
    }

    /** Where a cell is on the canvas now, scrolled; for the pointer of a test. */
    public Rectangle visibleBounds(int cell) {
        layOutIfNeeded();
        Rectangle bounds = cellBounds(cell);
        return new Rectangle(bounds.x, bounds.y - scroll, bounds.width, bounds.height);
    }

    /** The whole picture, also what is scrolled out. */
    public ImageData toImage() {
        layOutIfNeeded();
        Point size = pictureSize();
        Image image = new Image(getDisplay(), size.x, size.y);
        GC gc = new GC(image);
        Theme theme = Theme.of(this);
        Pen pen = new GcPen(gc, theme);
        pen.fill(theme.background(), 0, 0, size.x, size.y);
        whole = true;
        drawWhole(pen, size.x);
        whole = false;
        gc.dispose();
        ImageData data = image.getImageData();
        image.dispose();
        return data;
    }

    /** The whole picture as an SVG file. */
    public String toSvg() {
        layOutIfNeeded();
        Point size = pictureSize();
        GC gc = new GC(this);
        SvgPen pen = new SvgPen(new GcPen(gc, Theme.of(this)), size.x, size.y);
        whole = true;
        drawWhole(pen, size.x);
        whole = false;
        gc.dispose();
        return pen.finish();
    }

    /** Where what can be seen ends: at the lower border on the screen, nowhere in a picture of the whole. */
    protected final int visibleHeight() {
        return whole ? Integer.MAX_VALUE : getClientArea().height;
    }

    /** Draws everything from its upper left corner. */
    protected void drawWhole(Pen pen, int width) {
        draw(pen, 0, width);
    }

    /** How large the whole picture is. */
    protected Point pictureSize() {
        return new Point(Math.max(1, getClientArea().width), Math.max(1, Math.max(height, 1)));
    }

    @Override
    public Point computeSize(int widthHint, int heightHint, boolean changed) {
        return new Point(widthHint == SWT.DEFAULT ? 200 : widthHint, heightHint == SWT.DEFAULT ? 100 : heightHint);
    }
}
