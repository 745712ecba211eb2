package org.veridianos.views.ui.model;

import java.util.ArrayList;
import java.util.List;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.PageTable.Table;
import org.veridianos.machine.GuestMemory;

/**
 * The bytes of a page as an address space sees them.
 *
 * @param owner   whose address space it is; empty when it is gone
 * @param start   first address
 * @param lines   the page, line by line; without any when nothing is mapped there
 * @param problem why there are none; empty when there are some
 */
public record BytesModel(String owner, long start, Rows<Line> lines, Problem problem) {

    /** Bytes of a line. */
    public static final int WIDTH = 16;
    /** Bytes shown. */
    public static final int PAGE = 4096;

    /** Why there is nothing to show. */
    public enum Problem {
        /** There is. */
        NONE,
        /** The address space is gone. */
        GONE,
        /** No page is mapped there. */
        UNMAPPED,
        /** What is mapped there is no RAM: registers of a device. */
        NO_RAM
    }

    /**
     * Bytes in a line.
     *
     * @param virtual  address of the first in the address space
     * @param physical address of the first in the machine
     * @param hex      two digits each
     * @param text     printable characters, a dot for others
     */
    public record Line(long virtual, long physical, String hex, String text) {
    }

    /** The page around {@code address} of an address space whose tables {@code snapshot} holds. */
    public static BytesModel of(Snapshot snapshot, GuestMemory memory, long space, long address, Arrangement<Line> arrangement) {
        long start = address & -PAGE;
        PageTable table = snapshot.pageTables().stream().filter(t -> t.addressSpace() == space).findFirst().orElse(null);
        if (table == null) {
            return new BytesModel("", start, Rows.none(), Problem.GONE);
        }
        long physical = physical(table, start);
        if (physical < 0) {
            return new BytesModel(table.owner(), start, Rows.none(), Problem.UNMAPPED);
        }
        if (!memory.contains(physical, PAGE)) {
            return new BytesModel(table.owner(), start, Rows.none(), Problem.NO_RAM);
        }
        byte[] bytes = memory.read(physical, PAGE);
        List<Line> lines = new ArrayList<>();
        for (int at = 0; at < PAGE; at += WIDTH) {
            lines.add(line(start + at, physical + at, bytes, at));
        }
        return new BytesModel(table.owner(), start, arrangement.apply(lines), Problem.NONE);
    }

    private static Line line(long virtual, long physical, byte[] bytes, int from) {
        StringBuilder hex = new StringBuilder();
        StringBuilder text = new StringBuilder();
        for (int i = from; i < from + WIDTH; i++) {
            hex.append(i == from ? "" : i == from + WIDTH / 2 ? "  " : " ").append(String.format("%02x", bytes[i]));
            text.append(bytes[i] >= ' ' && bytes[i] < 0x7f ? (char) bytes[i] : '.');
        }
        return new Line(virtual, physical, hex.toString(), text.toString());
    }

    /** Where an address leads; -1 when no page is mapped there. */
    private static long physical(PageTable space, long virtual) {
        long covered = PageModel.virtual(space, PageFormat.TOP, space.start(), PageFormat.index(virtual, PageFormat.TOP));
        Table table = (covered ^ virtual) >>> 39 == 0 ? space.top() : null;
        for (int level = PageFormat.TOP; table != null; level--) {
            int index = PageFormat.index(virtual, level);
            long entry = index < table.size() ? table.entry(index) : 0;
            if (!space.format().isPresent(entry)) {
                return -1;
            }
            if (space.format().isLeaf(entry, level)) {
                long inside = PageFormat.size(level) - 1;
                return space.format().address(entry) & ~inside | virtual & inside;
            }
            table = table.below(index);
        }
        return -1;
    }
}
