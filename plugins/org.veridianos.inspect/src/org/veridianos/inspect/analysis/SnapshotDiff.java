package org.veridianos.inspect.analysis;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.stream.Stream;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.DerivationGraph.Node;
import org.veridianos.inspect.model.Endpoint;
import org.veridianos.inspect.model.ObjectNode;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.PageTable.Half;
import org.veridianos.inspect.model.Permissions;
import org.veridianos.inspect.model.ProcessState;
import org.veridianos.inspect.model.ThreadState;

/**
 * What changed between two snapshots of one machine. Parts that one of them lacks do not differ.
 *
 * @param processes    by number
 * @param threads      by number; changed when they do something else or wait for something else, not by what they count
 * @param capabilities by slot and generation
 * @param endpoints    by address
 * @param mappings     ranges of address spaces
 * @param values       nodes of the generic view, by path
 */
public record SnapshotDiff(Changes<ProcessState> processes, Changes<ThreadState> threads, Changes<Node> capabilities, Changes<Endpoint> endpoints,
        List<MappingChange> mappings, Changes<ObjectNode> values) {

    /** Something before and after. */
    public record Change<T>(T before, T after) {
    }

    /**
     * What came, went, or changed.
     *
     * @param added   only in the later one
     * @param gone    only in the earlier one
     * @param changed in both, but not the same
     */
    public record Changes<T>(List<T> added, List<T> gone, List<Change<T>> changed) {
        /** Copies the lists. */
        public Changes {
            added = List.copyOf(added);
            gone = List.copyOf(gone);
            changed = List.copyOf(changed);
        }

        /** Whether nothing did. */
        public boolean isEmpty() {
            return added.isEmpty() && gone.isEmpty() && changed.isEmpty();
        }
    }

    /** What happened to a range. */
    public enum Mapped {
        /** It was mapped. */
        ADDED,
        /** It was unmapped. */
        GONE,
        /** It leads elsewhere, or allows something else. */
        CHANGED,
        /** It was written: its pages are marked dirty that were not. */
        WRITTEN,
        /** It was used, but not written: its pages are marked accessed that were not. */
        ACCESSED,
        /** Its marks of use were taken back. */
        CLEARED;

        /** Whether only what the hardware notes about its use differs. */
        public boolean isUse() {
            return this == WRITTEN || this == ACCESSED || this == CLEARED;
        }
    }

    /**
     * A range of an address space that changed.
     *
     * @param space  the later state of the space, or the earlier one if it is gone
     * @param what   what happened
     * @param start  first address
     * @param end    first address behind it
     * @param before what it allowed, null if it was not there
     * @param after  what it allows, null if it is not there
     */
    public record MappingChange(PageTable space, Mapped what, long start, long end, Permissions before, Permissions after) {
    }

    private record Page(long virtual, int level, long physical, Permissions permissions, boolean accessed, boolean dirty) {
        long end() {
            return virtual + PageFormat.size(level);
        }

        /** What happened between this and the same place later; null for nothing. */
        Mapped until(Page later) {
            if (level != later.level || physical != later.physical || !permissions.equals(later.permissions)) {
                return Mapped.CHANGED;
            }
            if (later.dirty && !dirty) {
                return Mapped.WRITTEN;
            }
            if (later.accessed && !accessed) {
                return Mapped.ACCESSED;
            }
            return later.accessed == accessed && later.dirty == dirty ? null : Mapped.CLEARED;
        }
    }

    private record SlotKey(long slot, int generation) {
    }

    private static final int MOST_PAGES = 1 << 22;

    /** Copies the list. */
    public SnapshotDiff {
        mappings = List.copyOf(mappings);
    }

    /** The differences from {@code before} to {@code after}. */
    public static SnapshotDiff of(Snapshot before, Snapshot after) {
        return new SnapshotDiff(
                changes(before.processes(), after.processes(), ProcessState::pid,
                        (a, b) -> a.life().equals(b.life()) && a.parent() == b.parent() && a.threads().equals(b.threads()) && a.addressSpace() == b.addressSpace()),
                changes(before.threads(), after.threads(), ThreadState::id,
                        (a, b) -> a.run() == b.run() && a.waiting().equals(b.waiting()) && a.classText().equals(b.classText()) && a.rank() == b.rank()
                                && a.affinity() == b.affinity()),
                changes(nodes(before), nodes(after), n -> new SlotKey(n.capability().slot(), n.capability().generation()), SnapshotDiff::same),
                changes(before.endpoints(), after.endpoints(), e -> e.object().address(),
                        (a, b) -> a.senders().equals(b.senders()) && a.receivers().equals(b.receivers()) && a.inFlight().equals(b.inFlight())
                                && a.buffered() == b.buffered() && a.bits() == b.bits()),
                mappings(before, after),
                changes(values(before), values(after), ObjectNode::path, (a, b) -> a.value().equals(b.value()) && a.address() == b.address()));
    }

    private static boolean same(Node a, Node b) {
        return a.capability().object() == b.capability().object() && a.capability().rights() == b.capability().rights()
                && a.capability().badge() == b.capability().badge() && a.capability().parent() == b.capability().parent()
                && a.capability().policy().equals(b.capability().policy()) && a.capability().flags() == b.capability().flags();
    }

    private static List<Node> nodes(Snapshot snapshot) {
        return snapshot.capabilitySpaces().stream().flatMap(s -> s.capabilities().stream().map(c -> new Node(c, s))).toList();
    }

    private static List<ObjectNode> values(Snapshot snapshot) {
        return snapshot.objects().roots().stream().flatMap(SnapshotDiff::flat).toList();
    }

    private static Stream<ObjectNode> flat(ObjectNode node) {
        return Stream.concat(Stream.of(node), node.children().stream().flatMap(SnapshotDiff::flat));
    }

    private static <T, K> Changes<T> changes(List<T> before, List<T> after, Function<T, K> key, BiPredicate<T, T> same) {
        if (before.isEmpty() || after.isEmpty()) {
            return new Changes<>(List.of(), List.of(), List.of());
        }
        Map<K, T> old = new LinkedHashMap<>();
        before.forEach(t -> old.put(key.apply(t), t));
        List<T> added = new ArrayList<>();
        List<Change<T>> changed = new ArrayList<>();
        for (T now : after) {
            T was = old.remove(key.apply(now));
            if (was == null) {
                added.add(now);
            } else if (!same.test(was, now)) {
                changed.add(new Change<>(was, now));
            }
        }
        return new Changes<>(added, new ArrayList<>(old.values()), changed);
    }

    /** The differences of the address spaces alone. */
    public static List<MappingChange> mappings(Snapshot before, Snapshot after) {
        List<MappingChange> changes = new ArrayList<>();
        if (before.pageTables().isEmpty() || after.pageTables().isEmpty()) {
            return changes;
        }
        Map<Long, PageTable> old = new HashMap<>();
        before.pageTables().forEach(t -> old.put(t.addressSpace(), t));
        for (PageTable now : after.pageTables()) {
            PageTable was = old.remove(now.addressSpace());
            boolean same = was != null && was.pid() == now.pid();
            compare(now, same ? pages(was) : List.of(), pages(now), changes);
        }
        for (PageTable gone : old.values()) {
            if (after.request().addressSpaces().isEmpty() || after.request().addressSpaces().contains(gone.addressSpace())) {
                compare(gone, pages(gone), List.of(), changes);
            }
        }
        return changes;
    }

    private static List<Page> pages(PageTable table) {
        List<Page> pages = new ArrayList<>();
        Half half = table.addressSpace() == 0 ? Half.KERNEL : Half.USER;
        table.forEachPage(half, MOST_PAGES, (virtual, physical, level, permissions, entry) -> pages.add(
                new Page(virtual, level, physical, permissions, table.format().isAccessed(entry), table.format().isDirty(entry))));
        return pages;
    }

    /** Two lists by rising address; neighbours with the same fate become one change. */
    private static void compare(PageTable space, List<Page> before, List<Page> after, List<MappingChange> changes) {
        int first = changes.size();
        int b = 0;
        int a = 0;
        while (b < before.size() || a < after.size()) {
            Page was = b < before.size() ? before.get(b) : null;
            Page now = a < after.size() ? after.get(a) : null;
            int order = was == null ? 1 : now == null ? -1 : Long.compareUnsigned(was.virtual, now.virtual);
            if (order < 0) {
                add(space, Mapped.GONE, was.virtual, was.end(), was.permissions, null, changes, first);
                b++;
            } else if (order > 0) {
                add(space, Mapped.ADDED, now.virtual, now.end(), null, now.permissions, changes, first);
                a++;
            } else {
                Mapped what = was.until(now);
                if (what != null) {
                    add(space, what, now.virtual, now.end(), was.permissions, now.permissions, changes, first);
                }
                a++;
                b++;
            }
        }
    }

    private static void add(PageTable space, Mapped what, long start, long end, Permissions before, Permissions after, List<MappingChange> changes, int first) {
        MappingChange last = changes.size() > first ? changes.get(changes.size() - 1) : null;
        if (last != null && last.what == what && last.end == start && Objects.equals(last.before, before) && Objects.equals(last.after, after)) {
            changes.set(changes.size() - 1, new MappingChange(space, what, last.start, end, before, after));
        } else {
            changes.add(new MappingChange(space, what, start, end, before, after));
        }
    }

    /** Whether nothing changed, but for what the hardware notes about the use of pages. */
    public boolean isEmpty() {
        return processes.isEmpty() && threads.isEmpty() && capabilities.isEmpty() && endpoints.isEmpty() && mappings.stream().allMatch(m -> m.what.isUse())
                && values.isEmpty();
    }
}
