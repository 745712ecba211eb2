package org.veridianos.views.ui.capabilities;

import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.RGB;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Composite;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.inspect.model.CapabilitySpace.Chunk;
import org.veridianos.inspect.model.CapabilitySpace.Place;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.model.SpaceModel;
import org.veridianos.views.ui.paint.Hue;
import org.veridianos.views.ui.paint.Pen;
import org.veridianos.views.ui.paint.Pen.Face;
import org.veridianos.views.ui.widget.CellCanvas;

/**
 * The two-level table of a space: a row of cells for each chunk, a cell for each slot. Live slots are filled, dying ones
 * crossed, used-up ones hatched, the chunk's header is a bar, free ones are empty.
 */
public final class OccupancyCanvas extends CellCanvas {

    private static final int PAD = 4;
    private static final int LABEL = 76;
    /** Chunks beyond this are counted, not drawn. */
    private static final int MOST_CHUNKS = 2048;

    private SpaceModel model;
    private int columns = 64;
    private int size = 8;
    private int chunks;
    private int slots = 1;
    private int rowsPerChunk = 1;
    private int pitch = 16;

    OccupancyCanvas(Composite parent) {
        super(parent);
    }

    void show(SpaceModel next) {
        SpaceModel before = model;
        model = next;
        CapabilitySpace space = next.selected();
        chunks = space == null ? 0 : Math.min(MOST_CHUNKS, space.chunks().size());
        slots = chunks == 0 ? 1 : Math.max(1, space.chunks().get(0).places().size());
        if (before == null || before.selected() != next.selected()) {
            cellsChanged();
        }
    }

    /** Gives the cell of a slot the focus without telling anybody. */
    void focusSlot(int index) {
        for (int i = 0; i < cellCount(); i++) {
            if (index(i) == index && i != focusCell()) {
                renumberFocus(i);
                redraw();
            }
        }
    }

    /** The live capability of a cell, or null. */
    Capability capability(int cell) {
        return model.bySlot().get(index(cell));
    }

    private int index(int cell) {
        return model.selected().chunks().get(cell / slots).number() * slots + cell % slots;
    }

    private Place place(int cell) {
        Chunk chunk = model.selected().chunks().get(cell / slots);
        int slot = cell % slots;
        return slot < chunk.places().size() ? chunk.places().get(slot) : Place.FREE;
    }

    @Override
    protected String title() {
        return Messages.Capabilities_map;
    }

    @Override
    protected int layOut(Pen pen, int width) {
        if (chunks == 0) {
            return 0;
        }
        int room = width - LABEL - 2 * PAD;
        columns = slots;
        while (columns > 8 && room / columns < 10) {
            columns /= 2;
        }
        size = Math.clamp(room / columns, 6, 14);
        rowsPerChunk = (slots + columns - 1) / columns;
        pitch = Math.max(rowsPerChunk * size, pen.extent(Face.NORMAL, "X").y) + PAD;
        return 2 * PAD + chunks * pitch;
    }

    @Override
    protected void draw(Pen pen, int top, int width) {
        if (chunks == 0) {
            return;
        }
        RGB hairline = pen.theme().hairline();
        int line = pen.extent(Face.NORMAL, "X").y;
        int bottom = visibleHeight();
        int from = Math.clamp((-top - PAD) / pitch, 0, chunks - 1);
        for (int chunk = from; chunk < chunks && top + PAD + chunk * pitch < bottom; chunk++) {
            Chunk shown = model.selected().chunks().get(chunk);
            int y = top + PAD + chunk * pitch;
            String label = NLS.bind(Messages.Capabilities_chunk, Integer.toString(shown.number()), Integer.toString(shown.live()));
            pen.text(pen.theme().dim(), Face.NORMAL, label, LABEL - PAD - pen.extent(Face.NORMAL, label).x, y + Math.max(0, (Math.min(pitch - PAD, 28) - line) / 2));
            for (int cell = chunk * slots; cell < (chunk + 1) * slots; cell++) {
                Rectangle r = cellBounds(cell);
                cell(pen, place(cell), r.x, r.y + top, hairline);
            }
        }
    }

    private void cell(Pen pen, Place place, int x, int y, RGB hairline) {
        int side = size - 1;
        switch (place) {
            case LIVE -> pen.fill(pen.theme().mark(Hue.KERNEL), x, y, side, side);
            case DYING -> {
                pen.box(pen.theme().mark(Hue.DANGER), x, y, side, side);
                pen.line(pen.theme().mark(Hue.DANGER), Pen.Dash.SOLID, 1, x, y, x + side - 1, y + side - 1);
            }
            case RETIRED -> {
                pen.box(hairline, x, y, side, side);
                pen.hatch(pen.theme().dim(), x, y, side, side, 3);
            }
            case HEADER -> {
                pen.box(hairline, x, y, side, side);
                pen.fill(pen.theme().dim(), x + side / 2 - 1, y + 1, 2, side - 2);
            }
            case FREE -> pen.box(hairline, x, y, side, side);
        }
    }

    @Override
    public int cellCount() {
        return chunks * slots;
    }

    @Override
    protected Rectangle cellBounds(int cell) {
        int slot = cell % slots;
        int y = PAD + cell / slots * pitch + slot / columns * size;
        return new Rectangle(LABEL + slot % columns * size, y, size - 1, size - 1);
    }

    @Override
    protected int cellAt(int x, int y) {
        if (chunks == 0 || x < LABEL || y < PAD) {
            return -1;
        }
        int high = pitch;
        int chunk = (y - PAD) / high;
        int column = (x - LABEL) / size;
        int row = (y - PAD) % high / size;
        int slot = row * columns + column;
        return chunk < chunks && column < columns && row < rowsPerChunk && slot < slots ? chunk * slots + slot : -1;
    }

    @Override
    protected int neighbour(int from, int direction) {
        int to = from + switch (direction) {
            case SWT.ARROW_LEFT -> -1;
            case SWT.ARROW_RIGHT -> 1;
            case SWT.ARROW_UP -> -columns;
            default -> columns;
        };
        return to < 0 || to >= cellCount() ? from : to;
    }

    @Override
    public String cellName(int cell) {
        return NLS.bind(Messages.Capabilities_slot, Integer.toString(index(cell)));
    }

    @Override
    public String cellValue(int cell) {
        Capability capability = capability(cell);
        return switch (place(cell)) {
            case LIVE -> capability == null ? Messages.Capabilities_live
                    : NLS.bind(Messages.Capabilities_value, new Object[] {capability.kind(), SpaceModel.letters(model.selected().rights(), capability.rights()),
                            Numbers.hex(capability.token())});
            case FREE -> Messages.Capabilities_free;
            case DYING -> Messages.Capabilities_dying;
            case RETIRED -> Messages.Capabilities_retired;
            case HEADER -> Messages.Capabilities_header;
        };
    }
}
