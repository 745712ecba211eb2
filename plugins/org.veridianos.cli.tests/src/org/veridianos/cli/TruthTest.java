package org.veridianos.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.LiveSource;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.DerivationGraph;
import org.veridianos.inspect.analysis.DerivationGraph.Node;
import org.veridianos.inspect.analysis.PageFindings;
import org.veridianos.inspect.analysis.RevocationPreview;
import org.veridianos.inspect.analysis.SnapshotDiff;
import org.veridianos.inspect.analysis.WaitForGraph;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.PageTable.Half;
import org.veridianos.inspect.model.RunQueue;
import org.veridianos.inspect.model.ThreadState;
import org.veridianos.machine.MachineState;
import org.veridianos.machine.Qmp;
import org.veridianos.machine.QmpMachineState;
import org.veridianos.machine.Session;
import org.veridianos.machine.Sessions;

/**
 * Snapshots against the truth: the user program {@code truth} builds structures in the guest and prints them; what is read out of
 * the guest's memory must be the same, and QEMU's own translation must agree.
 */
@Tag("boot")
class TruthTest {

    @TempDir
    Path folder;

    @TestFactory
    Stream<DynamicTest> theSnapshotIsWhatTheGuestSays() {
        return Stream.of("x86_64", "aarch64", "riscv64").map(arch -> DynamicTest.dynamicTest(arch, () -> {
            for (int seed = 1; seed <= (System.getenv("VERIDIAN_SOAK") == null || System.getenv("VERIDIAN_SOAK").isEmpty() ? 2 : 20); seed++) {
                try (Guest guest = new Guest(arch, seed)) {
                    guest.check(seed == 1);
                }
            }
        }));
    }

    private record Cap(int number, int parent, int process, long token, int rights, String kind) {
    }

    /** A running {@code truth} and what it has printed. */
    private final class Guest implements AutoCloseable {
        private final Path out;
        private final Process process;
        private final Session session;
        private final LiveSource source;

        Guest(String arch, int seed) throws Exception {
            Path run = folder.resolve("run");
            out = folder.resolve(arch + seed + ".out");
            process = Veridian.start(Map.of("VERIDIAN_RUNTIME_DIR", run.toString()), out, folder.resolve(arch + ".err"),
                    List.of("boot", "--arch", arch, "--interactive", "--timeout", "300", "--", "truth", Integer.toString(seed)));
            await("truth: ready");
            session = new Sessions(run, List.of()).get(arch + "-1");
            source = LiveSource.open(session);
        }

        @Override
        public void close() throws Exception {
            if (source != null) {
                source.close();
            }
            process.destroy();
            assertTrue(process.waitFor(30, TimeUnit.SECONDS));
        }

        private List<String[]> lines(String kind) throws IOException {
            return Files.readString(out, StandardCharsets.ISO_8859_1).lines().filter(l -> l.startsWith("truth: " + kind + " ")).map(l -> l.split(" ")).toList();
        }

        private void await(String line) throws Exception {
            await(line, 1);
        }

        private void await(String line, long times) throws Exception {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(240);
            while (Files.readString(out, StandardCharsets.ISO_8859_1).lines().filter(line::equals).count() < times) {
                assertTrue(System.nanoTime() < deadline && process.isAlive(), "no '" + line + "' in:\n" + Files.readString(out, StandardCharsets.ISO_8859_1));
                Thread.sleep(20);
            }
        }

        private void type(String line) throws IOException {
            process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.US_ASCII));
            process.getOutputStream().flush();
        }

        /** A snapshot in which everything stood still: the guest waits for a key. */
        private Snapshot still() throws Exception {
            for (int i = 0;; i++) {
                Snapshot snapshot = source.take(Request.everything(), Cancel.NEVER);
                if (i == 2000 || snapshot.threads().stream().allMatch(t -> t.run() == ThreadState.Run.BLOCKED && t.consistency().consistent())) {
                    return snapshot;
                }
                Thread.sleep(10);
            }
        }

        void check(boolean translations) throws Exception {
            Snapshot snapshot = still();
            assertEquals(List.of(), snapshot.missing());
            assertEquals(List.of(), snapshot.problems());
            assertEquals(List.of(), PageFindings.of(snapshot, List.of()));
            assertTrue(SnapshotDiff.of(snapshot, still()).isEmpty(), "nothing changes while the guest waits");
            threads(snapshot);
            mappings(snapshot);
            capabilities(snapshot);
            if (translations) {
                translations();
            }
            revocations();
        }

        private void threads(Snapshot snapshot) throws IOException {
            Map<Integer, ThreadState> byId = snapshot.threads().stream().collect(Collectors.toMap(ThreadState::id, t -> t));
            int pid = Integer.parseInt(lines("main").get(0)[5]);
            assertEquals("Console", byId.get(Integer.parseInt(lines("main").get(0)[3])).waiting().reason());
            assertTrue(lines("blocked").size() >= 20);
            for (String[] line : lines("blocked")) {
                ThreadState thread = byId.get(Integer.parseInt(line[2]));
                assertEquals(line[3], thread.waiting().reason(), thread.name());
                assertEquals(pid, thread.pid());
            }
            for (String[] line : lines("waits")) {
                ThreadState waiter = byId.get(Integer.parseInt(line[2]));
                assertEquals(List.of(byId.get(Integer.parseInt(line[4])).address()), waiter.chain());
            }
            for (String[] line : lines("class")) {
                ThreadState thread = byId.get(Integer.parseInt(line[2]));
                assertEquals(line[3] + " " + line[4], thread.schedulingClass() + " " + thread.level());
            }
            WaitForGraph graph = new WaitForGraph(snapshot);
            String[] deadlock = lines("deadlock").get(0);
            assertEquals(List.of(Set.of(Integer.parseInt(deadlock[2]), Integer.parseInt(deadlock[3]))),
                    graph.deadlocks().stream().map(d -> d.threads().stream().map(ThreadState::id).collect(Collectors.toSet())).toList());
            assertTrue(graph.deadlocks().get(0).text().contains("waits for a mutex"), graph.deadlocks().get(0).text());
        }

        private PageTable space(Snapshot snapshot) throws IOException {
            int pid = Integer.parseInt(lines("main").get(0)[5]);
            return snapshot.pageTables().stream().filter(t -> t.pid() == pid).findFirst().orElseThrow();
        }

        private void mappings(Snapshot snapshot) throws IOException {
            PageTable space = space(snapshot);
            Map<Long, Long> pages = pages(space, Half.USER);
            Map<Long, Long> told = new HashMap<>();
            for (String[] line : lines("page")) {
                told.put(Long.decode(line[2]), Long.decode(line[4]));
            }
            for (String[] line : lines("map")) {
                long start = Long.decode(line[2]);
                long count = Long.parseLong(line[4]);
                for (long at = start; at < start + 4096 * count; at += 4096) {
                    assertEquals(told.get(at), pages.get(at), "page " + Long.toHexString(at));
                }
                String allows = line[6].equals("3") ? "rw-u" : "r--u";
                long first = start;
                assertTrue(space.ranges(Half.USER, 1000).ranges().stream().filter(r -> r.start() <= first && first < r.end())
                        .allMatch(r -> r.permissions().toString().equals(allows)));
                assertTrue(space.regions().stream().anyMatch(r -> r.start() <= first && r.end() >= first + 4096 * count));
            }
            assertTrue(told.size() >= 9);
        }

        private static Map<Long, Long> pages(PageTable space, Half half) {
            Map<Long, Long> pages = new TreeMap<>();
            assertTrue(space.forEachPage(half, 1 << 22, (virtual, physical, level, permissions, entry) -> {
                for (long i = 0; i < PageFormat.size(level); i += 4096) {
                    pages.put(virtual + i, physical + i);
                }
                return true;
            }));
            return pages;
        }

        private List<Cap> caps() throws IOException {
            return lines("cap").stream().map(l -> new Cap(Integer.parseInt(l[2]), l[4].equals("-") ? -1 : Integer.parseInt(l[4]), Integer.parseInt(l[6]),
                    Long.decode(l[8]), Integer.parseInt(l[10]), l[12])).toList();
        }

        private Map<Integer, Node> nodes(Snapshot snapshot, DerivationGraph graph, List<Cap> caps) {
            Map<String, Node> byToken = new HashMap<>();
            graph.nodes().forEach(n -> byToken.put(n.space().pid() + " " + n.capability().token(), n));
            Map<Integer, Node> nodes = new TreeMap<>();
            for (Cap cap : caps) {
                Node node = byToken.get(cap.process + " " + cap.token);
                if (node != null) {
                    nodes.put(cap.number, node);
                }
            }
            return nodes;
        }

        private void capabilities(Snapshot snapshot) throws IOException {
            DerivationGraph graph = new DerivationGraph(snapshot.capabilitySpaces());
            assertEquals(List.of(), graph.inconsistent());
            List<Cap> caps = caps();
            Map<Integer, Node> nodes = nodes(snapshot, graph, caps);
            assertEquals(caps.size(), nodes.size());
            for (Cap cap : caps) {
                Node node = nodes.get(cap.number);
                assertEquals(cap.kind, node.capability().kind());
                assertEquals(cap.rights, node.capability().rights());
                assertEquals(cap.parent < 0 ? 0 : nodes.get(cap.parent).capability().slot(), node.capability().parent(), "parent of " + cap.number);
            }
            assertEquals(4, caps.stream().filter(c -> c.parent < 0).count());
            for (Cap root : caps.stream().filter(c -> c.parent < 0).toList()) {
                long object = nodes.get(root.number).capability().object();
                long kept = lines("kept").stream().filter(l -> nodes.get(Integer.parseInt(l[2])).capability().object() == object).count();
                // A new process comes with two of its own to itself.
                int own = root.kind.equals("Process") ? (int) graph.of(object).stream().filter(n -> n.space().holder().address() == object).count() : 0;
                assertEquals(caps.stream().filter(c -> c.kind.equals(root.kind)).count() + kept + own, graph.of(object).size(), "nobody else has a capability to the " + root.kind);
            }
            List<Long> parents = nodes.values().stream().map(n -> n.capability().slot()).toList();
            for (String[] line : lines("kept")) {
                long parent = nodes.get(Integer.parseInt(line[2])).capability().slot();
                assertTrue(graph.nodes().stream().anyMatch(n -> n.space().pid() == 0 && n.capability().parent() == parent && !parents.contains(n.capability().slot())),
                        "a name or message has a child of " + line[2]);
            }
        }

        /** With the program in user mode on a CPU, and the machine stopped, QEMU translates as it does. */
        private void translations() throws Exception {
            type("spin");
            await("truth: spinning");
            for (int tries = 0;; tries++) {
                Thread.sleep(100);
                monitor("stop");
                List<MachineState.Cpu> cpus = new QmpMachineState(session).cpus();
                Snapshot snapshot = source.take(Request.everything(), Cancel.NEVER);
                OptionalInt running = inUserMode(snapshot, cpus);
                if (running.isPresent()) {
                    try (Qmp qmp = Qmp.connect(session.visitorQmp())) {
                        translations(qmp, snapshot, cpus, running.getAsInt());
                        qmp.execute("cont");
                    }
                    return;
                }
                monitor("cont");
                assertTrue(tries < 80, "the program is never seen in user mode");
                if (tries % 20 == 19) {
                    // On a busy computer it may have had no CPU for as long as it spins.
                    type("spin");
                    await("truth: spinning", 2 + tries / 20);
                }
            }
        }

        private void monitor(String command) throws Exception {
            try (Qmp qmp = Qmp.connect(session.visitorQmp())) {
                qmp.execute(command);
            }
        }

        /** QEMU's number of the CPU that runs the program's own code: in the kernel, on the way from one space to another, QEMU translates otherwise. */
        private OptionalInt inUserMode(Snapshot snapshot, List<MachineState.Cpu> cpus) throws IOException {
            long space = space(snapshot).addressSpace();
            return snapshot.runQueues().stream().filter(q -> q.addressSpace() == space && !q.isIdle())
                    .flatMap(q -> cpus.stream().filter(c -> c.hardwareId() == q.hardwareId()))
                    .filter(c -> c.register("rip").orElseGet(() -> c.register("pc").orElse(-1)) > 0).mapToInt(MachineState.Cpu::index).findFirst();
        }

        private void translations(Qmp qmp, Snapshot snapshot, List<MachineState.Cpu> cpus, int running) throws Exception {
            assertEquals(List.of(), PageFindings.of(snapshot, cpus));
            roots(snapshot, cpus, running);
            PageTable space = space(snapshot);
            Map<Long, Long> pages = pages(space, Half.USER);
            assertTrue(pages.size() > 20);
            for (Map.Entry<Long, Long> page : pages.entrySet()) {
                assertEquals("gpa: 0x" + Long.toHexString(page.getValue() + 0x123), monitor(qmp, running, "gva2gpa 0x" + Long.toHexString(page.getKey() + 0x123)),
                        Long.toHexString(page.getKey()));
            }
            assertEquals("Unmapped", monitor(qmp, running, "gva2gpa 0x7f0000000000"));
            if (space.format() == PageFormat.X86_64) {
                assertEquals(ours(space), theirs(monitor(qmp, running, "info tlb")));
            }
        }

        /** The CPU that runs the program has its root in the register; with any other it would be a finding. */
        private void roots(Snapshot snapshot, List<MachineState.Cpu> cpus, int running) throws IOException {
            PageTable space = space(snapshot);
            String name = Map.of(PageFormat.X86_64, "cr3", PageFormat.AARCH64, "ttbr0_el1", PageFormat.RISCV64, "satp").get(space.format());
            MachineState.Cpu cpu = cpus.stream().filter(c -> c.index() == running).findFirst().orElseThrow();
            long root = cpu.register(name).orElseThrow(() -> new AssertionError("no " + name + " in " + cpu.registers().keySet()));
            assertEquals(space.format().table(space.register()), space.format().table(root));
            Map<String, Long> other = new HashMap<>(cpu.registers());
            other.put(name, root + (space.format() == PageFormat.RISCV64 ? 1 : 4096));
            assertEquals(List.of(PageFindings.Kind.OTHER_ROOT),
                    PageFindings.of(snapshot, List.of(new MachineState.Cpu(running, other))).stream().map(PageFindings.Finding::kind).toList());
        }

        private static Set<String> ours(PageTable space) {
            Set<String> all = new TreeSet<>();
            space.forEachPage(Half.ALL, 1 << 22, (virtual, physical, level, permissions, entry) -> all.add(String.format("%016x: %016x %s%s", virtual, physical,
                    level > 0 ? "P" : "-", ((entry & 4) != 0 ? "U" : "-") + ((entry & 2) != 0 ? "W" : "-"))));
            return all;
        }

        /** Lines such as {@code 0000000000400000: 000000000ff3b000 X--DA--UW}; of the flags those that mean the same in every version. */
        private static Set<String> theirs(String text) {
            Pattern line = Pattern.compile("([0-9a-f]{16}): ([0-9a-f]{16}) .(.)(.)....(.)(.)");
            Set<String> all = new TreeSet<>();
            text.lines().forEach(l -> {
                Matcher m = line.matcher(l.strip());
                assertTrue(m.matches(), l);
                all.add(m.group(1) + ": " + m.group(2) + " " + m.group(4) + m.group(5) + m.group(6));
            });
            return all;
        }

        private static String monitor(Qmp qmp, int cpu, String command) throws Exception {
            JsonObject arguments = new JsonObject();
            arguments.addProperty("command-line", command);
            arguments.addProperty("cpu-index", cpu);
            return qmp.execute("human-monitor-command", arguments).getAsString().strip();
        }

        /** Previews one capability after another and revokes it: exactly that dies, and exactly those threads are freed. */
        private void revocations() throws Exception {
            List<Cap> caps = caps();
            int mine = Integer.parseInt(lines("main").get(0)[5]);
            Set<Integer> dead = new TreeSet<>();
            Set<Integer> freed = new TreeSet<>();
            long done = 0;
            int unmapped = 0;
            List<Cap> victims = new ArrayList<>(caps.stream().filter(c -> c.process == mine).toList());
            java.util.Collections.reverse(victims);
            for (Cap victim : victims) {
                if (dead.contains(victim.number) || victim.number % 3 != 0 && victim.parent >= 0) {
                    continue;
                }
                Snapshot snapshot = still();
                DerivationGraph graph = new DerivationGraph(snapshot.capabilitySpaces());
                Map<Integer, Node> nodes = nodes(snapshot, graph, caps);
                RevocationPreview preview = RevocationPreview.of(snapshot, graph, nodes.get(victim.number));
                Set<Long> slots = preview.destroyed().stream().map(n -> n.capability().slot()).collect(Collectors.toSet());
                nodes.forEach((number, node) -> {
                    if (slots.contains(node.capability().slot())) {
                        dead.add(number);
                    }
                });
                preview.unblocked().forEach(t -> freed.add(t.id()));
                assertTrue(preview.certain());
                type("revoke " + victim.number);
                await("truth: done", ++done);
                Set<Integer> died = lastReport("dead");
                assertEquals(dead, died, "revoked " + victim.number);
                assertEquals(freed, lastReport("freed"), "revoked " + victim.number);
                whole(snapshot, preview, still(), "revoked " + victim.number);
                unmapped += preview.unmapped().size();
            }
            assertTrue(unmapped > 0);
            assertFalse(dead.isEmpty());
            assertFalse(freed.isEmpty());
        }

        /** Of the whole machine exactly what was previewed is gone. No object is: the revoked capability stays, and with it the object of all that were derived from it. */
        private static void whole(Snapshot before, RevocationPreview preview, Snapshot after, String what) {
            SnapshotDiff diff = SnapshotDiff.of(before, after);
            assertEquals(slots(preview.destroyed()), slots(diff.capabilities().gone()), what);
            assertEquals(List.of(), diff.capabilities().added(), what);
            assertEquals(List.of(), diff.capabilities().changed(), what);
            assertEquals(objects(before), objects(after), what);
            assertEquals(preview.unblocked().stream().map(ThreadState::id).collect(Collectors.toSet()), diff.threads().changed().stream().map(c -> c.before().id()).collect(Collectors.toSet()),
                    what);
            assertTrue(diff.processes().isEmpty() && diff.threads().added().isEmpty() && diff.threads().gone().isEmpty(), what);
            Set<String> regions = regions(before);
            regions.removeAll(regions(after));
            assertEquals(preview.unmapped().stream().map(m -> m.space().pid() + " " + Long.toHexString(m.region().start())).collect(Collectors.toCollection(TreeSet::new)), regions, what);
        }

        private static Set<String> slots(List<Node> nodes) {
            return nodes.stream().map(n -> Long.toHexString(n.capability().slot()) + " " + n.capability().generation()).collect(Collectors.toCollection(TreeSet::new));
        }

        private static Set<Long> objects(Snapshot snapshot) {
            return snapshot.capabilitySpaces().stream().flatMap(s -> s.capabilities().stream().map(c -> c.object())).collect(Collectors.toCollection(TreeSet::new));
        }

        private static Set<String> regions(Snapshot snapshot) {
            return snapshot.pageTables().stream().flatMap(t -> t.regions().stream().map(r -> t.pid() + " " + Long.toHexString(r.start()))).collect(Collectors.toCollection(TreeSet::new));
        }

        private Set<Integer> lastReport(String kind) throws IOException {
            List<String> all = Files.readString(out, StandardCharsets.ISO_8859_1).lines().toList();
            int end = all.lastIndexOf("truth: done");
            int start = all.subList(0, end).lastIndexOf("truth: done");
            return all.subList(Math.max(0, start), end).stream().filter(l -> l.startsWith("truth: " + kind + " ")).map(l -> Integer.parseInt(l.split(" ")[2]))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }
}
