package org.veridianos.views.ui.graph;

import java.util.Locale;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.GC;
import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.graphics.RGB;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Composite;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.model.Graph;
import org.veridianos.views.ui.paint.Hue;
import org.veridianos.views.ui.paint.Pen;
import org.veridianos.views.ui.paint.Pen.Dash;
import org.veridianos.views.ui.paint.Pen.Face;
import org.veridianos.views.ui.paint.Theme;
import org.veridianos.views.ui.widget.CellCanvas;

/**
 * A graph that can be zoomed (wheel, plus, minus; 0 fits it into the window), dragged, and walked with the arrow keys. Words of
 * the filter box make every other node fade.
 */
public final class GraphCanvas extends CellCanvas {

    private static final int PAD = 8;
    private static final double[] ZOOMS = {0.1, 0.17, 0.25, 0.35, 0.5, 0.7, 1, 1.4, 2};

    /** Boxes show their names from here on. */
    private static final double READABLE = 0.5;

    private final String title;
    private GraphLayout layout;
    private String filter = "";
    private double zoom = 1;
    private int panX;
    private int panY;
    private Point grip;

    /** @param title what the graph shows, for a screen reader */
    GraphCanvas(Composite parent, String title) {
        super(parent);
        this.title = title;
        addListener(SWT.MouseVerticalWheel, e -> {
            zoomAt(e.count > 0 ? 1 : -1, e.x, e.y);
            e.doit = false;
        });
        addListener(SWT.MouseDown, e -> grip = new Point(e.x - panX, e.y - panY));
        addListener(SWT.MouseUp, e -> grip = null);
        addListener(SWT.MouseMove, e -> {
            if (grip != null) {
                panX = e.x - grip.x;
                panY = e.y - grip.y;
                redraw();
            }
        });
        addListener(SWT.KeyDown, e -> {
            Rectangle area = getClientArea();
            switch (e.character) {
                case '+' -> zoomAt(1, area.width / 2, area.height / 2);
                case '-' -> zoomAt(-1, area.width / 2, area.height / 2);
                case '0' -> fit();
                default -> {
                    // A key of the view, or none.
                }
            }
        });
    }

    /** How large letters are here. */
    GraphLayout.Letters letters() {
        GC gc = new GC(this);
        gc.setFont(Theme.of(this).normal());
        Point size = gc.textExtent("abcdefgmnopqrstuvw0123456789");
        gc.dispose();
        return new GraphLayout.Letters(Math.max(4, (int) Math.ceil(size.x / 27.0)), size.y);
    }

    void show(GraphLayout next, String words) {
        Object focused = layout != null && focusCell() >= 0 && focusCell() < layout.graph().nodes().size() ? layout.graph().nodes().get(focusCell()).id() : null;
        boolean first = layout == null;
        layout = next;
        filter = words.toLowerCase(Locale.ROOT).strip();
        cellsChanged();
        for (int i = 0; focused != null && i < next.graph().nodes().size(); i++) {
            if (next.graph().nodes().get(i).id().equals(focused)) {
                renumberFocus(i);
            }
        }
        if (first) {
            fit();
            zoom = Math.max(zoom, READABLE);
        }
    }

    /** The node of a cell. */
    Graph.Node node(int cell) {
        return layout.graph().nodes().get(cell);
    }

    /** Zooms so that everything can be seen, at most to normal size. */
    void fit() {
        if (layout == null || layout.width() == 0) {
            return;
        }
        Rectangle area = getClientArea();
        zoom = Math.clamp(Math.min((area.width - 2.0 * PAD) / layout.width(), (area.height - 2.0 * PAD) / layout.height()), ZOOMS[0], 1);
        panX = PAD;
        panY = PAD;
        redraw();
    }

    private void zoomAt(int steps, int x, int y) {
        int at = 0;
        while (at < ZOOMS.length - 1 && ZOOMS[at] < zoom - 0.001) {
            at++;
        }
        double next = ZOOMS[Math.clamp(at + steps, 0, ZOOMS.length - 1)];
        panX = (int) Math.round(x - (x - panX) * next / zoom);
        panY = (int) Math.round(y - (y - panY) * next / zoom);
        zoom = next;
        redraw();
    }

    @Override
    protected void reveal(int cell) {
        Rectangle r = cellBounds(cell);
        Rectangle area = getClientArea();
        if (r.x < 0 || r.x + r.width > area.width) {
            panX += area.width / 2 - r.x - r.width / 2;
        }
        if (r.y < 0 || r.y + r.height > area.height) {
            panY += area.height / 2 - r.y - r.height / 2;
        }
    }

    @Override
    protected String title() {
        return title;
    }

    @Override
    protected int layOut(Pen pen, int width) {
        return 0;
    }

    @Override
    protected Point pictureSize() {
        return layout == null ? super.pictureSize() : new Point((int) (layout.width() * zoom) + 2 * PAD, (int) (layout.height() * zoom) + 2 * PAD);
    }

    @Override
    protected void drawWhole(Pen pen, int width) {
        int x = panX;
        int y = panY;
        panX = PAD;
        panY = PAD;
        draw(pen, 0, width);
        panX = x;
        panY = y;
    }

    @Override
    protected void draw(Pen pen, int y, int width) {
        if (layout == null) {
            return;
        }
        for (int i = 0; i < layout.routes().size(); i++) {
            edge(pen, layout.graph().edges().get(i), layout.routes().get(i));
        }
        for (int i = 0; i < layout.boxes().size(); i++) {
            box(pen, layout.graph().nodes().get(i), cellBounds(i));
        }
        if (layout.boxes().isEmpty()) {
            pen.text(pen.theme().dim(), Face.NORMAL, Messages.Graph_empty, 2 * PAD, 2 * PAD);
        }
    }

    private int x(int value) {
        return panX + (int) Math.round(value * zoom);
    }

    private int y(int value) {
        return panY + (int) Math.round(value * zoom);
    }

    private void edge(Pen pen, Graph.Edge edge, int[] route) {
        RGB colour = edge.danger() ? pen.theme().mark(Hue.DANGER) : pen.theme().dim();
        int[] points = new int[route.length];
        for (int i = 0; i + 1 < route.length; i += 2) {
            points[i] = x(route[i]);
            points[i + 1] = y(route[i + 1]);
        }
        if (points.length < 4) {
            return;
        }
        pen.path(colour, edge.danger() ? 3 : 1, points);
        int endX = points[points.length - 2];
        int endY = points[points.length - 1];
        int from = Integer.signum(endX - points[points.length - 4]);
        int size = Math.max(2, (int) (5 * zoom));
        if (from != 0) {
            pen.path(colour, 1, new int[] {endX - from * size, endY - size, endX, endY, endX - from * size, endY + size});
        } else {
            int down = Integer.signum(endY - points[points.length - 3]);
            pen.path(colour, 1, new int[] {endX - size, endY - down * size, endX, endY, endX + size, endY - down * size});
        }
    }

    private void box(Pen pen, Graph.Node node, Rectangle r) {
        Theme theme = pen.theme();
        boolean faded = !filter.isEmpty() && !(node.label() + " " + node.detail()).toLowerCase(Locale.ROOT).contains(filter);
        RGB back = switch (node.kind()) {
            case RUNNING -> theme.tint(Hue.RUNNING);
            case WAITING -> theme.tint(Hue.IPC);
            case DANGER -> theme.tint(Hue.DANGER);
            case PLAIN, GROUP, NEW -> theme.background();
        };
        pen.fill(faded ? theme.background() : back, r.x, r.y, r.width, r.height);
        RGB line = faded ? theme.hairline() : switch (node.kind()) {
            case DANGER -> theme.mark(Hue.DANGER);
            case NEW -> theme.mark(Hue.NEW);
            case PLAIN, GROUP, RUNNING, WAITING -> theme.dim();
        };
        pen.box(line, r.x, r.y, r.width, r.height);
        if (node.kind() == Graph.Kind.NEW || node.kind() == Graph.Kind.DANGER) {
            pen.box(line, r.x + 1, r.y + 1, r.width - 2, r.height - 2);
        }
        if (node.kind() == Graph.Kind.GROUP) {
            pen.box(line, r.x + 2, r.y + 2, r.width - 4, r.height - 4);
        }
        int letters = pen.extent(Face.NORMAL, "X").y;
        if (r.height >= letters) {
            String sign = switch (node.kind()) {
                case DANGER -> "\u26a0 ";
                case NEW -> "+ ";
                default -> "";
            };
            boolean two = r.height >= 2 * letters;
            int top = two ? r.y + (r.height - 2 * letters) / 2 : r.y + (r.height - letters) / 2;
            pen.text(faded ? theme.hairline() : theme.foreground(), Face.NORMAL, pen.fitted(Face.NORMAL, sign + node.label(), r.width - 6), r.x + 5, top);
            if (two) {
                pen.text(faded ? theme.hairline() : theme.dim(), Face.NORMAL, pen.fitted(Face.NORMAL, node.detail(), r.width - 6), r.x + 5, top + letters);
            }
        }
    }

    @Override
    public int cellCount() {
        return layout == null ? 0 : layout.boxes().size();
    }

    @Override
    protected Rectangle cellBounds(int cell) {
        Rectangle box = layout.boxes().get(cell);
        return new Rectangle(x(box.x), y(box.y), Math.max(3, (int) (box.width * zoom)), Math.max(3, (int) (box.height * zoom)));
    }

    @Override
    public String cellName(int cell) {
        return node(cell).label();
    }

    @Override
    public String cellValue(int cell) {
        Graph.Node node = node(cell);
        String out = String.join(", ", layout.graph().edges().stream().filter(e -> e.from().equals(node.id()))
                .map(e -> e.label() + " " + layout.graph().nodes().stream().filter(n -> n.id().equals(e.to())).map(Graph.Node::label).findFirst().orElse("")).limit(8).toList());
        return out.isEmpty() ? node.detail() : NLS.bind(Messages.Graph_value, node.detail(), out);
    }
}
