package org.veridianos.inspect.analysis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Samples;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.PageFindings.Finding;
import org.veridianos.inspect.analysis.PageFindings.Kind;
import org.veridianos.inspect.analysis.SnapshotDiff.MappingChange;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.Frames;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.PageTable.Half;
import org.veridianos.inspect.model.PageTable.Table;
import org.veridianos.inspect.model.PhysicalMemory;
import org.veridianos.inspect.model.Region;
import org.veridianos.inspect.model.RunQueue;
import org.veridianos.machine.MachineState;

/** Findings and differences on page tables of x86_64 made by hand. */
class PageAnalysisTest {

    private static final long PRESENT = 1;
    private static final long WRITE = 2;
    private static final long USER = 4;
    private static final long ACCESSED = 1 << 5;
    private static final long DIRTY = 1 << 6;
    private static final long NO_EXECUTE = 1L << 63;

    /** A space with 4 KiB pages in the first 2 MiB, and one entry of the kernel's half that leads to the same tables. */
    private static PageTable space(long address, Map<Integer, Long> pages, boolean kernelToo) {
        long[] leaves = new long[512];
        pages.forEach((page, entry) -> leaves[page] = entry);
        Table level0 = new Table(0, 0x4000, leaves, null, Map.of());
        Table level1 = upper(1, 0x3000, level0, 0);
        Table level2 = upper(2, 0x2000, level1, 0);
        long[] entries = new long[512];
        Table[] below = new Table[512];
        for (int at : kernelToo ? new int[] {0, 256} : new int[] {0}) {
            entries[at] = 0x2000 | PRESENT | WRITE | USER;
            below[at] = level2;
        }
        List<Region> regions = List.of(new Region(0, 0x200000, "Anonymous", "read|write|user", 0, 0, 0, false));
        return new PageTable(address, (int) address, "p" + address, PageFormat.X86_64, 0x1000 + address, Half.ALL, new Table(3, 0x1000, entries, below, Map.of()), regions,
                0, Consistency.OK);
    }

    private static Table upper(int level, long physical, Table next, int index) {
        long[] entries = new long[512];
        Table[] below = new Table[512];
        entries[index] = next.physical() | PRESENT | WRITE | USER;
        below[index] = next;
        return new Table(level, physical, entries, below, Map.of());
    }

    private static Snapshot snapshot(PageTable... spaces) {
        return snapshot(0, spaces);
    }

    private static Snapshot snapshot(long hardwareId, PageTable... spaces) {
        byte[] states = new byte[16];
        states[5] = 1;
        states[6] = 2;
        states[7] = 2;
        Snapshot.Content content = new Snapshot.Content();
        content.pageTables = List.of(spaces);
        content.memory = new PhysicalMemory(List.of(), List.of(), List.of(),
                new Frames(List.of(new Frames.Section(0, states, new byte[16], null)), List.of("Free", "Table", "Used")));
        content.runQueues = List.of(new RunQueue(0, hardwareId, 0, "Online", 9, List.of(), 0, 0, 0, 0, 0, 0, 0, List.of(), spaces[0].addressSpace(), Consistency.OK));
        return Samples.snapshot(Request.of(Part.PAGE_TABLES, Part.FRAMES, Part.RUN_QUEUES), content);
    }

    private static Set<Kind> kinds(List<Finding> findings) {
        return findings.stream().map(Finding::kind).collect(Collectors.toSet());
    }

    @Test
    void aSoundSpaceHasNoFindings() {
        PageTable sound = space(1, Map.of(1, 6 << 12 | PRESENT | USER, 2, 7 << 12 | PRESENT | WRITE | USER | NO_EXECUTE), false);
        assertEquals(List.of(), PageFindings.of(snapshot(sound), List.of(new MachineState.Cpu(0, Map.of("cr3", 0x1001L | 0x8000_0000_0000_0000L)))));
    }

    @Test
    void everyMistakeIsFoundOnce() {
        long data = PRESENT | WRITE | USER | NO_EXECUTE;
        PageTable one = space(1, Map.of(1, 6 << 12 | PRESENT | WRITE | USER, 2, 4 << 12 | data, 3, 5 << 12 | data, 4, 7 << 12 | data), true);
        PageTable two = space(2, Map.of(9, 7 << 12 | data), false);
        List<Finding> all = PageFindings.of(snapshot(one, two), List.of(new MachineState.Cpu(0, Map.of("cr3", 0x99000L))));
        assertEquals(Set.of(Kind.values()), kinds(all), all.toString());
        assertEquals(1, all.stream().filter(f -> f.kind() == Kind.MAPPED_FREE).count());
        assertEquals(1, all.stream().filter(f -> f.kind() == Kind.TWO_OWNERS).count());
        assertEquals("p1 maps the free frame 0x4000 at 0x2000", all.stream().filter(f -> f.kind() == Kind.MAPPED_FREE).findFirst().orElseThrow().text());
        Finding root = all.stream().filter(f -> f.kind() == Kind.OTHER_ROOT).findFirst().orElseThrow();
        assertEquals("CPU 0 runs p1 with CR3 0x99000 instead of 0x1001", root.text());
    }

    @Test
    void whatIsGoneAtTheNextLookWasNone() {
        long data = PRESENT | WRITE | USER | NO_EXECUTE;
        List<Finding> first = PageFindings.of(snapshot(space(1, Map.of(2, 4 << 12 | data), false), space(2, Map.of(3, 4 << 12 | data), false)), List.of());
        List<Finding> second = PageFindings.of(snapshot(space(2, Map.of(3, 4 << 12 | data), false)), List.of());
        assertEquals(2, first.stream().filter(f -> f.kind() == Kind.MAPPED_FREE).count());
        assertEquals(first, PageFindings.lasting(first, null));
        assertEquals(second, PageFindings.lasting(second, Set.copyOf(first)));
        assertEquals(second, PageFindings.lasting(first, Set.copyOf(second)));
        assertEquals(List.of(), PageFindings.lasting(second, Set.of()));
    }

    @Test
    void registersAreThoseOfTheHartThatTheKernelMeans() {
        PageTable sound = space(1, Map.of(), false);
        MachineState.Cpu other = new MachineState.Cpu(0, Map.of("mhartid", 0L, "cr3", 0x99000L));
        MachineState.Cpu boot = new MachineState.Cpu(1, Map.of("mhartid", 1L, "cr3", 0x1001L));
        assertEquals(List.of(), PageFindings.of(snapshot(1, sound), List.of(other, boot)));
        assertEquals(Set.of(Kind.OTHER_ROOT), kinds(PageFindings.of(snapshot(0, sound), List.of(other, boot))));
    }

    @Test
    void framesKnowWhoMapsThemWhereAndHowOften() {
        long data = PRESENT | WRITE | USER | NO_EXECUTE;
        PageTable one = space(1, new TreeMap<>(Map.of(1, 0x6000 | data, 2, 0x7000 | data, 5, 0x5000 | data)), false);
        PageTable two = space(2, new TreeMap<>(Map.of(9, 0x6000 | data, 10, 0x7000 | data, 12, 0x7000 | data)), false);
        FrameMap map = FrameMap.of(snapshot(0, one, two));
        assertTrue(map.whole());
        assertEquals(List.of("5000+1000 Table p1@5000", "6000+1000 Used p1@1000 p2@9000", "7000+1000 Used p1@2000 p2@a000 p2@c000"), map.uses().stream().map(
                u -> String.format("%x+%x %s", u.start(), u.size(), u.state()) + u.mappings().stream().map(m -> String.format(" %s@%x", m.owner(), m.virtual()))
                        .collect(Collectors.joining())).toList());
        FrameMap joined = FrameMap.of(snapshot(0, space(1, new TreeMap<>(Map.of(1, 0x6000 | data, 2, 0x7000 | data)), false)));
        assertEquals(1, joined.uses().size());
        assertEquals(0x2000, joined.uses().get(0).size());
    }

    @Test
    void rangesJoinNeighboursThatAllowTheSame() {
        long data = PRESENT | WRITE | USER | NO_EXECUTE;
        PageTable table = space(1, new TreeMap<>(Map.of(1, 0x6000 | data, 2, 0x7000 | data, 3, 0x9000 | data, 4, 0xa000 | PRESENT | USER)), false);
        List<PageTable.Range> ranges = table.ranges(Half.USER, 100).ranges();
        assertEquals(2, ranges.size());
        assertEquals(3, ranges.get(0).pages());
        assertFalse(ranges.get(0).contiguous());
        assertEquals("rw-u", ranges.get(0).permissions().toString());
        assertEquals("r-xu", ranges.get(1).permissions().toString());
        assertFalse(table.ranges(Half.USER, 1).whole());
    }

    @Test
    void fourFullTablesThatMapAllMemoryEndAtTheLimit() {
        Table table = null;
        for (int level = 0; level <= 3; level++) {
            long[] entries = new long[512];
            Table[] below = new Table[512];
            Arrays.fill(entries, 0x1000 | PRESENT | WRITE | USER);
            Arrays.fill(below, table);
            table = new Table(level, 0x1000, entries, below, Map.of());
        }
        PageTable space = new PageTable(1, 1, "hostile", PageFormat.X86_64, 0x1000, Half.ALL, table, List.of(), 0, Consistency.OK);
        long[] pages = {0};
        assertFalse(space.forEachPage(Half.ALL, 1000, (virtual, physical, level, permissions, entry) -> ++pages[0] > 0));
        assertEquals(1000, pages[0]);
    }

    @Test
    void differencesAreRangesThatCameWentOrChanged() {
        long data = PRESENT | WRITE | USER | NO_EXECUTE;
        Snapshot before = snapshot(space(1, Map.of(1, 0x6000 | data, 2, 0x7000 | data, 5, 0x8000 | data), false));
        Snapshot after = snapshot(space(1, Map.of(2, 0x7000 | PRESENT | USER | NO_EXECUTE, 5, 0x8000 | data, 8, 0x6000 | data, 9, 0x9000 | data), false));
        List<String> changes = SnapshotDiff.of(before, after).mappings().stream().map(PageAnalysisTest::text).toList();
        assertEquals(List.of("GONE 1000-2000", "CHANGED 2000-3000", "ADDED 8000-a000"), changes);
        assertTrue(SnapshotDiff.of(before, before).isEmpty());
    }

    @Test
    void differencesTellWhatWasUsedAndWhatWasWritten() {
        long data = PRESENT | WRITE | USER | NO_EXECUTE;
        long used = data | ACCESSED;
        long written = used | DIRTY;
        Snapshot before = snapshot(space(1, Map.of(1, 0x6000 | data, 2, 0x7000 | data, 3, 0x8000 | used, 4, 0x9000 | written, 5, 0xa000 | written, 6, 0xb000 | used), false));
        Snapshot after = snapshot(space(1, Map.of(1, 0x6000 | used, 2, 0x7000 | written, 3, 0x8000 | written, 4, 0x9000 | data, 5, 0xf000 | data, 6, 0xb000 | used), false));
        SnapshotDiff diff = SnapshotDiff.of(before, after);
        assertEquals(List.of("ACCESSED 1000-2000", "WRITTEN 2000-4000", "CLEARED 4000-5000", "CHANGED 5000-6000"), diff.mappings().stream().map(PageAnalysisTest::text).toList());
        assertFalse(diff.isEmpty());
        Snapshot read = snapshot(space(1, Map.of(1, 0x6000 | used), false));
        assertTrue(SnapshotDiff.of(snapshot(space(1, Map.of(1, 0x6000 | data), false)), read).isEmpty(), "use alone is no change of a mapping");
    }

    private static String text(MappingChange change) {
        return change.what() + " " + Long.toHexString(change.start()) + "-" + Long.toHexString(change.end());
    }
}
