package org.veridianos.views.ui.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.FrameMap.Use;
import org.veridianos.inspect.analysis.FrameMap;
import org.veridianos.inspect.analysis.PageFindings.Finding;
import org.veridianos.inspect.analysis.PageFindings;
import org.veridianos.inspect.analysis.SnapshotDiff.MappingChange;
import org.veridianos.inspect.analysis.SnapshotDiff;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.PageTable.Range;
import org.veridianos.inspect.model.PageTable.Table;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.Permissions;
import org.veridianos.inspect.model.ProcessState;
import org.veridianos.inspect.model.Region;

/**
 * The address spaces in short, and one of them whole.
 *
 * @param spaces   the list, the kernel's first
 * @param selected the one that is shown; null when it is gone
 * @param ranges   its pages as ranges
 * @param entries  its tables as an indented list, as far as they are open
 * @param frames   which frames of all spaces are mapped where, when the tab of frames is shown
 * @param findings mistakes in all spaces, when the tab of findings is shown
 * @param suspects what looked like mistakes in this snapshot alone; null when that tab is not shown
 * @param changes  what changed since the marked moment, when that tab is shown
 * @param whole    whether everything that is shown is there, or the end of long lists is missing
 */
public record PageModel(Rows<Space> spaces, PageTable selected, Rows<Mapped> ranges, Rows<Entry> entries, Rows<Use> frames, Rows<Finding> findings,
        Set<Finding> suspects, Rows<MappingChange> changes, boolean whole) {

    /** What is below the map. */
    public enum Tab {
        /** Pages that follow each other and allow the same. */
        RANGES,
        /** The tables' entries. */
        TABLES,
        /** Frames of physical memory and who maps them. */
        FRAMES,
        /** Mistakes. */
        FINDINGS,
        /** What changed since the marked moment. */
        CHANGES;

        /** Whether it is about all spaces, not only the selected one. */
        public boolean isAboutAll() {
            return this == FRAMES || this == FINDINGS;
        }
    }

    /**
     * What to show.
     *
     * @param space address of the selected space
     * @param open  keys of entries that are open
     * @param tab   what is below the map
     * @param since the marked moment, or null
     * @param roots CPUs whose registers were found to differ, when somebody compared them
     */
    public record Wanted(long space, Set<Object> open, Tab tab, Snapshot since, List<Finding> roots) {
    }

    /** How each list is arranged. */
    public record Arrangements(Arrangement<Space> spaces, Arrangement<Mapped> ranges, Arrangement<Entry> entries, Arrangement<Use> frames,
            Arrangement<Finding> findings, Arrangement<MappingChange> changes) {
    }

    private static final int MOST_RANGES = 100_000;
    private static final int MOST_ENTRIES = 20_000;

    /**
     * An address space in the list.
     *
     * @param address of the kernel's record, 0 for the kernel's own space
     * @param pid     number of its process, 0 for the kernel
     * @param owner   for people
     */
    public record Space(long address, int pid, String owner) {
    }

    /**
     * A range with what the kernel planned there.
     *
     * @param range what the hardware has
     * @param plan  kind of the region it lies in; empty for none
     */
    public record Mapped(Range range, String plan) {

        /** Whether code can be written and run there. */
        public boolean isFinding() {
            return range.permissions().isWriteExecute();
        }
    }

    /**
     * An entry of a table.
     *
     * @param level       3 for the top table
     * @param index       in its table
     * @param virtual     first address that it covers
     * @param raw         the literal entry
     * @param physical    page or table
     * @param leaf        whether it maps a page
     * @param permissions what it allows, restrictions above included
     * @param used        entries in use of the table it leads to, 0 for a page
     * @param open        whether that table's entries follow
     * @param problem     why the table could not be read; empty when it was
     */
    public record Entry(int level, int index, long virtual, long raw, long physical, boolean leaf, Permissions permissions, int used, boolean open,
            String problem) {

        /** What makes it the same entry in the next snapshot. */
        public Object key() {
            return level + ":" + Long.toHexString(virtual);
        }
    }

    /** What {@code snapshot} shows; {@code previous} may be null. */
    public static PageModel of(Snapshot snapshot, PageModel previous, Wanted wanted, Arrangements arrangements) {
        List<Space> list = new ArrayList<>();
        list.add(new Space(0, 0, "kernel"));
        for (ProcessState process : snapshot.processes()) {
            if (process.addressSpace() != 0) {
                list.add(new Space(process.addressSpace(), process.pid(), process.title()));
            }
        }
        PageTable selected = snapshot.pageTables().stream().filter(t -> t.addressSpace() == wanted.space).findFirst().orElse(null);
        Rows<Mapped> ranges = Rows.none();
        Rows<Entry> entries = Rows.none();
        Rows<Use> frames = Rows.none();
        boolean whole = true;
        if (selected != null && wanted.tab == Tab.RANGES) {
            PageTable.Ranges flat = selected.ranges(PageTable.Half.ALL, MOST_RANGES);
            whole = flat.whole();
            ranges = arrangements.ranges.apply(flat.ranges().stream().map(r -> new Mapped(r, region(selected, r.start()))).toList());
        } else if (selected != null && wanted.tab == Tab.TABLES) {
            List<Entry> rows = new ArrayList<>();
            addEntries(selected, selected.top(), selected.start(), Permissions.ALL, wanted.open, rows);
            entries = arrangements.entries.apply(rows);
        } else if (wanted.tab == Tab.FRAMES) {
            FrameMap map = FrameMap.of(snapshot);
            whole = map.whole();
            frames = arrangements.frames.apply(map.uses());
        }
        Rows<Finding> findings = Rows.none();
        Set<Finding> suspects = null;
        if (wanted.tab == Tab.FINDINGS) {
            List<Finding> now = PageFindings.of(snapshot, List.of());
            suspects = Set.copyOf(now);
            List<Finding> found = new ArrayList<>(wanted.roots);
            found.addAll(PageFindings.lasting(now, previous == null ? null : previous.suspects));
            findings = arrangements.findings.apply(found);
        }
        Rows<MappingChange> changes = wanted.tab == Tab.CHANGES && wanted.since != null
                ? arrangements.changes.apply(SnapshotDiff.mappings(wanted.since, snapshot)) : Rows.none();
        return new PageModel(arrangements.spaces.apply(list), selected, ranges, entries, frames, findings, suspects, changes, whole);
    }

    /** Name of the kind of region that an address lies in; empty for none. */
    public static String region(PageTable table, long address) {
        List<Region> regions = table.regions();
        int low = 0;
        int high = regions.size() - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            Region region = regions.get(middle);
            if (Long.compareUnsigned(address, region.start()) < 0) {
                high = middle - 1;
            } else if (Long.compareUnsigned(address, region.end()) >= 0) {
                low = middle + 1;
            } else {
                return region.kind();
            }
        }
        return "";
    }

    private static void addEntries(PageTable space, Table table, long start, Permissions above, Set<Object> open, List<Entry> into) {
        PageFormat format = space.format();
        for (int i = 0; i < table.size() && into.size() < MOST_ENTRIES; i++) {
            if (!format.isPresent(table.entry(i))) {
                continue;
            }
            Entry entry = entry(space, table, start, above, i, open);
            into.add(entry);
            if (entry.open && table.below(i) != null) {
                addEntries(space, table.below(i), entry.virtual, format.restrict(above, entry.raw), open, into);
            }
        }
    }

    private static Entry entry(PageTable space, Table table, long start, Permissions above, int index, Set<Object> open) {
        PageFormat format = space.format();
        long raw = table.entry(index);
        long virtual = virtual(space, table.level(), start, index);
        boolean leaf = format.isLeaf(raw, table.level());
        Table below = table.below(index);
        Permissions permissions = leaf ? format.permissions(raw, table.level()).and(above) : format.restrict(above, raw);
        Entry entry = new Entry(table.level(), index, virtual, raw, format.address(raw), leaf, permissions, below == null ? 0 : used(format, below), false,
                table.problem(index) == null ? "" : table.problem(index));
        return new Entry(entry.level, index, virtual, raw, entry.physical, leaf, permissions, entry.used, !leaf && open.contains(entry.key()), entry.problem);
    }

    /** First address that an entry covers. */
    public static long virtual(PageTable space, int level, long tableStart, int index) {
        return space.format() == PageFormat.AARCH64 ? tableStart + index * PageFormat.size(level) : PageTable.address(tableStart, level, index);
    }

    /** How many entries of a table are in use. */
    public static int used(PageFormat format, Table table) {
        int used = 0;
        for (int i = 0; i < table.size(); i++) {
            if (format.isPresent(table.entry(i))) {
                used++;
            }
        }
        return used;
    }

    /** Permissions as letters that stand in columns: {@code r w x u}, a dot for each that is missing, then g and d. */
    public static String letters(Permissions permissions) {
        return permissions.toString().replace('-', '\u00b7');
    }
}
