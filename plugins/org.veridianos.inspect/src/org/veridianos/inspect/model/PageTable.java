package org.veridianos.inspect.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * An address space as the hardware sees it: the tables below one root, and beside them what the kernel planned.
 *
 * <p>Tables that several spaces share (the kernel's half) are one object here too. A hostile guest may let tables point at each
 * other, so whoever walks them is bounded: {@link #ranges} and {@link #forEachPage} end at a limit.
 */
public final class PageTable {

    /** Which addresses. */
    public enum Half {
        /** From 0. */
        USER,
        /** From the middle of the address space. */
        KERNEL,
        /** Both. */
        ALL
    }

    /** One table. */
    public static final class Table {
        private final int level;
        private final long physical;
        private final long[] entries;
        private final Table[] below;
        private final Map<Integer, String> problems;

        /** Takes arrays and a map that nobody changes any more; {@code below} may be null when there are none. */
        public Table(int level, long physical, long[] entries, Table[] below, Map<Integer, String> problems) {
            this.level = level;
            this.physical = physical;
            this.entries = entries;
            this.below = below;
            this.problems = problems;
        }

        /** 0 for a table of 4 KiB pages, 3 for the top table. */
        public int level() {
            return level;
        }

        /** Where it lies. */
        public long physical() {
            return physical;
        }

        /** Number of entries. */
        public int size() {
            return entries.length;
        }

        /** The literal entry. */
        public long entry(int index) {
            return entries[index];
        }

        /** The table that an entry leads to, or null. */
        public Table below(int index) {
            return below == null ? null : below[index];
        }

        /** Why what an entry leads to could not be read, or null. */
        public String problem(int index) {
            return problems.get(index);
        }
    }

    /**
     * Pages that follow each other and allow the same.
     *
     * @param start       first address
     * @param end         first address behind it; 0 at the end of the address space
     * @param level       size of each page: 0 for 4 KiB, 1 for 2 MiB, 2 for 1 GiB
     * @param permissions what they allow, restrictions of the tables above included
     * @param physical    address of the first page
     * @param contiguous  whether the pages also follow each other physically
     * @param accessed    pages that were used
     * @param dirty       pages that were written
     */
    public record Range(long start, long end, int level, Permissions permissions, long physical, boolean contiguous, long accessed, long dirty) {
        /** Bytes. */
        public long size() {
            return end - start;
        }

        /** Pages. */
        public long pages() {
            return size() / PageFormat.size(level);
        }
    }

    /**
     * A flattened space.
     *
     * @param ranges by rising address
     * @param whole  whether the list is whole, or ended at the limit
     */
    public record Ranges(List<Range> ranges, boolean whole) {
        /** Copies the list. */
        public Ranges {
            ranges = List.copyOf(ranges);
        }
    }

    /** Called for each page. */
    @FunctionalInterface
    public interface PageVisitor {
        /** @return whether to go on */
        boolean page(long virtual, long physical, int level, Permissions permissions, long entry);
    }

    private final long addressSpace;
    private final int pid;
    private final String owner;
    private final PageFormat format;
    private final long register;
    private final Half half;
    private final Table top;
    private final List<Region> regions;
    private final long resident;
    private final Consistency consistency;

    /**
     * @param addressSpace address of the kernel's record of it; 0 for the kernel's own space
     * @param pid          number of a process that lives in it, or 0
     * @param owner        for people
     * @param register     literal value of the address-space register
     * @param half         which addresses the root covers
     * @param top          the top table
     * @param regions      what the kernel planned, by rising address
     * @param resident     pages of 4 KiB that the kernel counts as present
     */
    public PageTable(long addressSpace, int pid, String owner, PageFormat format, long register, Half half, Table top, List<Region> regions, long resident,
            Consistency consistency) {
        this.addressSpace = addressSpace;
        this.pid = pid;
        this.owner = owner;
        this.format = format;
        this.register = register;
        this.half = half;
        this.top = top;
        this.regions = List.copyOf(regions);
        this.resident = resident;
        this.consistency = consistency;
    }

    /** Address of the kernel's record of the space; 0 for the kernel's own. */
    public long addressSpace() {
        return addressSpace;
    }

    /** Number of a process that lives in it, or 0. */
    public int pid() {
        return pid;
    }

    /** Whose it is, for people. */
    public String owner() {
        return owner;
    }

    /** How its entries are made. */
    public PageFormat format() {
        return format;
    }

    /** What its register is called: {@code CR3}, {@code TTBR0}, {@code TTBR1}, {@code satp}. */
    public String registerName() {
        return half == Half.KERNEL && format == PageFormat.AARCH64 ? "TTBR1" : format.register();
    }

    /** Literal value of the register; of the kernel's own space the address of its top table. */
    public long register() {
        return register;
    }

    /** Which addresses its root covers. */
    public Half half() {
        return half;
    }

    /** The top table. */
    public Table top() {
        return top;
    }

    /** What the kernel planned. */
    public List<Region> regions() {
        return regions;
    }

    /** Pages of 4 KiB that the kernel counts as present. */
    public long resident() {
        return resident;
    }

    /** Whether everything below the root was read, and stood still. */
    public Consistency consistency() {
        return consistency;
    }

    /** First address that an entry of a table covers, the table's own first address given. */
    public static long address(long tableStart, int level, int index) {
        return PageFormat.canonical(tableStart + index * PageFormat.size(level));
    }

    /** First address that the top table covers: TTBR1 of AArch64 has only the upper half. */
    public long start() {
        return half == Half.KERNEL && format == PageFormat.AARCH64 ? 0xffff_0000_0000_0000L : 0;
    }

    /**
     * Calls {@code visitor} for each page, by rising address.
     *
     * @param limit the most pages
     * @return whether all pages were visited
     */
    public boolean forEachPage(Half wanted, long limit, PageVisitor visitor) {
        if (half != Half.ALL && wanted != Half.ALL && half != wanted) {
            return true;
        }
        long[] left = {limit, 4 * limit + (1L << 20)};
        return visit(top, start(), Permissions.ALL, wanted, left, visitor);
    }

    private boolean visit(Table table, long start, Permissions above, Half wanted, long[] left, PageVisitor visitor) {
        boolean split = table.level == PageFormat.TOP && format != PageFormat.AARCH64;
        int first = split && wanted == Half.KERNEL ? table.size() / 2 : 0;
        int end = split && wanted == Half.USER ? table.size() / 2 : table.size();
        left[1] -= end - first;
        if (left[1] < 0) {
            return false;
        }
        for (int i = first; i < end; i++) {
            long entry = table.entries[i];
            if (!format.isPresent(entry)) {
                continue;
            }
            long virtual = split || table.level < PageFormat.TOP ? address(start, table.level, i) : start + i * PageFormat.size(table.level);
            if (format.isLeaf(entry, table.level)) {
                long physical = format.address(entry) & ~(PageFormat.size(table.level) - 1);
                if (--left[0] < 0 || !visitor.page(virtual, physical, table.level, format.permissions(entry, table.level).and(above), entry)) {
                    return false;
                }
            } else {
                Table below = table.below(i);
                if (below != null && !visit(below, virtual, format.restrict(above, entry), wanted, left, visitor)) {
                    return false;
                }
            }
        }
        return true;
    }

    /** The space as a list of ranges; at most {@code limit} of them. */
    public Ranges ranges(Half wanted, int limit) {
        List<Range> ranges = new ArrayList<>();
        Range[] last = {null};
        boolean whole = forEachPage(wanted, Integer.MAX_VALUE, (virtual, physical, level, permissions, entry) -> {
            long size = PageFormat.size(level);
            int accessed = format.isAccessed(entry) ? 1 : 0;
            int dirty = format.isDirty(entry) ? 1 : 0;
            Range r = last[0];
            if (r != null && r.end == virtual && r.level == level && r.permissions.equals(permissions)) {
                boolean contiguous = r.contiguous && r.physical + r.size() == physical;
                last[0] = new Range(r.start, virtual + size, level, permissions, r.physical, contiguous, r.accessed + accessed, r.dirty + dirty);
                return true;
            }
            if (r != null) {
                ranges.add(r);
            }
            last[0] = new Range(virtual, virtual + size, level, permissions, physical, true, accessed, dirty);
            return ranges.size() < limit;
        });
        if (last[0] != null && ranges.size() < limit) {
            ranges.add(last[0]);
        }
        return new Ranges(ranges, whole);
    }
}
