package org.veridianos.cli;

import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.PageFindings;
import org.veridianos.inspect.analysis.WaitForGraph;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.Endpoint;
import org.veridianos.inspect.model.ObjectNode;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.PhysicalMemory;
import org.veridianos.inspect.model.ProcessState;
import org.veridianos.inspect.model.Region;
import org.veridianos.inspect.model.RunQueue;
import org.veridianos.inspect.model.ThreadState;
import org.veridianos.machine.Size;

/** Snapshots as text for a terminal. A line that starts with {@code !} says what could not be read, and why. */
final class InspectText {

    private static final int MOST_RANGES = 10_000;

    private final PrintStream out;
    private final int pid;
    private final String root;

    /**
     * @param pid  the process to show, or -1 for all
     * @param root the root to show, or empty for all
     */
    InspectText(PrintStream out, int pid, String root) {
        this.out = out;
        this.pid = pid;
        this.root = root;
    }

    void print(Snapshot snapshot, String what) {
        switch (what) {
            case "caps" -> capabilities(snapshot);
            case "pages" -> {
                pages(snapshot);
                PageFindings.of(snapshot, List.of()).forEach(f -> out.println("finding: " + f.text()));
            }
            case "runqueues" -> runQueues(snapshot);
            case "threads" -> {
                threads(snapshot);
                deadlocks(snapshot);
            }
            case "frames" -> snapshot.memory().ifPresent(this::memory);
            case "endpoints" -> endpoints(snapshot);
            default -> snapshot.objects().roots().stream().filter(n -> root.isEmpty() || n.name().equals(root)).forEach(n -> node(n, 0));
        }
        snapshot.missing().forEach(m -> out.println("! this kernel does not describe " + m));
        snapshot.problems().forEach(p -> out.println("! " + p));
    }

    private boolean shown(int of) {
        return pid < 0 || pid == of;
    }

    private void broken(Consistency consistency) {
        if (!consistency.consistent()) {
            out.println("! " + consistency.reason());
        }
    }

    private static String hex(long number) {
        return Long.toHexString(number);
    }

    private void threads(Snapshot snapshot) {
        out.printf("%-6s %-18s %-9s %-12s %4s %10s %9s  %s%n", "ID", "THREAD", "STATE", "CLASS", "CPU", "CPU TIME", "SWITCHES", "WAITS FOR");
        for (ProcessState p : snapshot.processes()) {
            if (!shown(p.pid())) {
                continue;
            }
            out.printf("%-6d %-18s %-9s %s%n", p.pid(), p.title(), p.life(), p.parent() == 0 ? "" : "child of " + p.parent());
            broken(p.consistency());
            for (long address : p.threads()) {
                snapshot.thread(address).ifPresent(t -> {
                    out.printf("  %-4d %-18s %-9s %-12s %4d %8.1fms %9d  %s%s%n", t.id(), t.name(), t.run().name().toLowerCase(Locale.ROOT), t.classText(),
                            t.cpu(), t.runTime() / 1e6, t.switches(), t.waiting().text(), chain(snapshot, t));
                    broken(t.consistency());
                });
            }
        }
    }

    private void deadlocks(Snapshot snapshot) {
        new WaitForGraph(snapshot).deadlocks().forEach(d -> out.println("deadlock: " + d.text()));
    }

    private static String chain(Snapshot snapshot, ThreadState thread) {
        return thread.chain().isEmpty() ? ""
                : thread.chain().stream().map(a -> snapshot.thread(a).map(ThreadState::name).orElse("?")).collect(Collectors.joining(" -> ", " -> ", ""));
    }

    private void runQueues(Snapshot snapshot) {
        out.printf("%-4s %-9s %5s %6s %-18s %10s %10s %8s  %s%n", "CPU", "STATE", "LOAD", "READY", "RUNNING", "SWITCHES", "MIGRATED", "TICKS", "READY THREADS, BEST FIRST");
        for (RunQueue q : snapshot.runQueues()) {
            String ready = q.ready().stream().map(r -> snapshot.thread(r.thread()).map(t -> t.name() + " [" + t.classText() + "]").orElse("?"))
                    .collect(Collectors.joining(", "));
            out.printf("%-4d %-9s %5d %6d %-18s %10d %10d %8d  %s%n", q.cpu(), q.state(), q.load(), q.length(),
                    q.isIdle() ? "idle" : snapshot.thread(q.running()).map(ThreadState::name).orElse("?"), q.switches(), q.migrations(), q.ticks(), ready);
            broken(q.consistency());
        }
    }

    private void capabilities(Snapshot snapshot) {
        for (CapabilitySpace s : snapshot.capabilitySpaces()) {
            if (!shown(s.pid())) {
                continue;
            }
            out.printf("space %d of %s: %d capabilities in %d chunks, at most %d%n", s.id(), s.holder().name(), s.capabilities().size(), s.chunks().size(), s.limit());
            broken(s.consistency());
            if (!s.capabilities().isEmpty()) {
                out.printf("  %-14s %-6s %-26s %-36s %-10s %-15s %s%n", "TOKEN", "SLOT", "OBJECT", "RIGHTS", "BADGE", "POLICY", "DERIVED FROM");
            }
            for (Capability c : s.capabilities()) {
                out.printf("  %-14s %-6d %-26s %-36s %-10s %-15s %s%s%n", hex(c.token()), c.index(), name(snapshot, c), s.rightsText(c), hex(c.badge()), c.policy(),
                        c.parent() == 0 ? "-" : hex(c.parent()), c.isConsistent() ? "" : " (changed while it was read)");
            }
        }
    }

    private static String name(Snapshot snapshot, Capability c) {
        String name = snapshot.object(c.object(), c.kind()).name();
        return name.startsWith(c.kind()) ? name : c.kind() + " " + name;
    }

    private void pages(Snapshot snapshot) {
        for (PageTable t : snapshot.pageTables()) {
            if (!shown(t.pid())) {
                continue;
            }
            out.printf("%s: %s %s%n", t.owner(), t.registerName(), hex(t.register()));
            broken(t.consistency());
            PageTable.Half half = t.pid() == 0 ? PageTable.Half.KERNEL : PageTable.Half.USER;
            PageTable.Ranges ranges = t.ranges(half, MOST_RANGES);
            out.printf("  %-16s %-16s %8s %6s %-7s %-12s %10s %s%n", "START", "END", "PAGES", "SIZE", "ALLOWS", "PHYSICAL", "WRITTEN", "REGION");
            for (PageTable.Range r : ranges.ranges()) {
                out.printf("  %016x %016x %8d %6s %-7s %-12s %10d %s%n", r.start(), r.end(), r.pages(), Size.format(PageFormat.size(r.level())).replace(" ", ""),
                        r.permissions(), hex(r.physical()) + (r.contiguous() ? "" : "…"), r.dirty(), region(t.regions(), r.start()));
            }
            if (!ranges.whole()) {
                out.println("! more ranges than are shown");
            }
        }
    }

    private static String region(List<Region> regions, long address) {
        return regions.stream().filter(r -> Long.compareUnsigned(address, r.start()) >= 0 && Long.compareUnsigned(address, r.end()) < 0)
                .map(r -> r.kind() + " " + r.flags()).findFirst().orElse("");
    }

    private void memory(PhysicalMemory memory) {
        out.printf("%-5s %-8s %10s %10s %8s %12s  %s%n", "NODE", "ZONE", "FREE", "TOTAL", "PARTIAL", "FRAGMENTED", "FREE CHUNKS BY ORDER (2 MiB << n)");
        memory.zones().forEach(z -> {
            out.printf("%-5d %-8s %10s %10s %8d %11.0f%%  %s%n", z.node(), z.name(), Size.format(z.free() * 4096), Size.format(z.total() * 4096), z.partial(),
                    100 * z.fragmentation(), z.chunks().stream().map(Object::toString).collect(Collectors.joining(" ")));
            broken(z.consistency());
        });
        out.printf("%n%-20s %8s %8s %8s %8s %10s%n", "SLAB CACHE", "SIZE", "SLABS", "USED", "CACHED", "MEMORY");
        memory.slabs().forEach(s -> {
            out.printf("%-20s %8d %8d %8d %8d %10s%n", s.name(), s.size(), s.slabs(), s.used(), s.cached(), Size.format(s.bytes()));
            broken(s.consistency());
        });
        out.printf("%n%-16s %-16s %s%n", "RESERVED", "END", "BY");
        memory.reserved().forEach(r -> out.printf("%016x %016x %s%n", r.start(), r.end(), r.name()));
    }

    private void endpoints(Snapshot snapshot) {
        out.printf("%-26s %-24s %-24s %-24s %s%n", "OBJECT", "SENDERS", "RECEIVERS", "IN FLIGHT", "COUNTERS");
        for (Endpoint e : snapshot.endpoints()) {
            out.printf("%-26s %-24s %-24s %-24s %s%n", e.object().name(), names(snapshot, e.senders()), names(snapshot, e.receivers()), names(snapshot, e.inFlight()),
                    e.counters().stream().filter(c -> c.value() != 0).map(c -> c.name() + " " + c.value()).collect(Collectors.joining(", ")));
            broken(e.consistency());
        }
    }

    private static String names(Snapshot snapshot, List<Long> threads) {
        return threads.isEmpty() ? "-" : threads.stream().map(a -> snapshot.thread(a).map(ThreadState::name).orElse("?")).collect(Collectors.joining(" "));
    }

    private void node(ObjectNode node, int depth) {
        String source = node.line() > 0 && depth == 0 ? "  (" + node.file() + ":" + node.line() + ")" : "";
        String type = node.type().substring(node.type().lastIndexOf(':') + 1);
        out.println("  ".repeat(depth) + node.name() + ": " + type + (node.value().isEmpty() ? "" : " = " + node.value()) + source);
        if (!node.consistency().consistent()) {
            out.println("  ".repeat(depth) + "! " + node.consistency().reason());
        }
        node.children().forEach(child -> node(child, depth + 1));
    }
}
