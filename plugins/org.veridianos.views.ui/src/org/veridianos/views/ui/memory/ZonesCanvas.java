package org.veridianos.views.ui.memory;

import java.util.ArrayList;
import java.util.List;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Composite;
import org.veridianos.inspect.model.PhysicalMemory;
import org.veridianos.inspect.model.Zone;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.paint.Hue;
import org.veridianos.views.ui.paint.Pen;
import org.veridianos.views.ui.paint.Pen.Dash;
import org.veridianos.views.ui.paint.Pen.Face;
import org.veridianos.views.ui.widget.CellCanvas;

/**
 * A line for each zone: how much of it is used, free in whole blocks of 2 MiB and free in single frames, and beside it the
 * free chunks by order as columns.
 */
public final class ZonesCanvas extends CellCanvas {

    private static final int PAD = 4;
    private static final int FRAME = 4096;

    private record Cell(Rectangle bounds, String name, String value) {
    }

    private PhysicalMemory memory;
    private final List<Cell> cells = new ArrayList<>();
    private int line = 16;
    private int label = 120;
    private int bar = 200;

    ZonesCanvas(Composite parent) {
        super(parent);
    }

    void show(PhysicalMemory next) {
        memory = next;
        cellsChanged();
    }

    @Override
    protected String title() {
        return Messages.Memory_map;
    }

    private List<Zone> zones() {
        return memory == null ? List.of() : memory.zones().stream().filter(z -> z.total() > 0).toList();
    }

    @Override
    protected int layOut(Pen pen, int width) {
        cells.clear();
        line = pen.extent(Face.NORMAL, "X").y;
        bar = Math.max(80, (width - label) * 55 / 100);
        int y = PAD;
        for (Zone zone : zones()) {
            cells.add(new Cell(new Rectangle(label, y, bar, 2 * line), name(zone), NLS.bind(Messages.Memory_zoneValue,
                    new Object[] {Numbers.size((zone.total() - zone.free()) * FRAME), Numbers.size(zone.free() * FRAME), Math.round(zone.fragmentation() * 100) + " %"})));
            int orders = Math.max(1, zone.chunks().size());
            int wide = Math.max(6, (width - label - bar - 6 * PAD) / orders);
            for (int order = 0; order < zone.chunks().size(); order++) {
                cells.add(new Cell(new Rectangle(label + bar + 3 * PAD + order * wide, y, wide - 2, 2 * line), NLS.bind(Messages.Memory_order, name(zone), Integer.toString(order)),
                        NLS.bind(Messages.Memory_orderValue, Numbers.count(zone.chunks().get(order)), Numbers.size((long) FRAME << 9 + order))));
            }
            y += 2 * line + 3 * PAD;
        }
        return y;
    }

    private static String name(Zone zone) {
        return NLS.bind(Messages.Memory_zone, zone.name(), Integer.toString(zone.node()));
    }

    @Override
    protected void draw(Pen pen, int top, int width) {
        int y = top + PAD;
        for (Zone zone : zones()) {
            pen.text(pen.theme().foreground(), Face.NORMAL, pen.fitted(Face.NORMAL, name(zone), label - 3 * PAD), 2 * PAD, y);
            pen.text(pen.theme().dim(), Face.NORMAL, Numbers.size(zone.total() * FRAME), 2 * PAD, y + line);
            long used = bar * (zone.total() - zone.free()) / zone.total();
            long single = bar * zone.partialFree() / zone.total();
            pen.fill(pen.theme().mark(Hue.BLOCKED), label, y, (int) used, 2 * line);
            pen.hatch(pen.theme().mark(Hue.BLOCKED), label + (int) used, y, (int) Math.max(0, single), 2 * line, 5);
            pen.box(pen.theme().hairline(), label, y, bar, 2 * line);
            orders(pen, zone, y, width);
            y += 2 * line + 3 * PAD;
        }
    }

    private void orders(Pen pen, Zone zone, int y, int width) {
        int orders = Math.max(1, zone.chunks().size());
        int wide = Math.max(6, (width - label - bar - 6 * PAD) / orders);
        int most = zone.chunks().stream().mapToInt(Integer::intValue).max().orElse(1);
        for (int order = 0; order < zone.chunks().size(); order++) {
            int x = label + bar + 3 * PAD + order * wide;
            int count = zone.chunks().get(order);
            int high = count == 0 || most == 0 ? 0 : Math.max(2, (int) ((long) line * count / most));
            pen.fill(pen.theme().mark(Hue.READY), x, y + line - high, wide - 2, high);
            pen.line(pen.theme().hairline(), Dash.SOLID, 1, x, y + line, x + wide - 3, y + line);
            pen.text(pen.theme().dim(), Face.NORMAL, pen.fitted(Face.NORMAL, Numbers.count(count), wide - 2), x, y + line);
        }
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
        return cells.get(cell).name();
    }

    @Override
    public String cellValue(int cell) {
        return cells.get(cell).value();
    }
}
