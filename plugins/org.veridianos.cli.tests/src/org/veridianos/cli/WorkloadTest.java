package org.veridianos.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
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
import org.veridianos.inspect.analysis.PageFindings;
import org.veridianos.inspect.analysis.SnapshotDiff;
import org.veridianos.inspect.analysis.WaitForGraph;
import org.veridianos.inspect.model.ThreadState;
import org.veridianos.machine.Sessions;

/** A guest at full speed, looked at again and again: everything moves, nearly everything is consistent, and nothing is alarming. */
@Tag("boot")
class WorkloadTest {

    private static final int LOOKS = 120;

    @TempDir
    Path folder;

    @TestFactory
    Stream<DynamicTest> theWorkloadKeepsMoving() {
        return Stream.of("x86_64", "aarch64", "riscv64").map(arch -> DynamicTest.dynamicTest(arch, () -> {
            Path out = folder.resolve(arch);
            Path run = folder.resolve("run");
            Process boot = Veridian.start(Map.of("VERIDIAN_RUNTIME_DIR", run.toString()), out, folder.resolve(arch + ".err"),
                    List.of("boot", "--arch", arch, "--timeout", "300", "--", "workload"));
            try {
                long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(200);
                while (!Files.readString(out, StandardCharsets.ISO_8859_1).contains("workload: running")) {
                    assertTrue(System.nanoTime() < deadline && boot.isAlive(), Files.readString(out, StandardCharsets.ISO_8859_1));
                    Thread.sleep(50);
                }
                try (LiveSource source = LiveSource.open(new Sessions(run, List.of()).get(arch + "-1"))) {
                    look(source);
                }
                assertEquals(1, Files.readString(out, StandardCharsets.ISO_8859_1).lines().filter(l -> l.startsWith("workload")).count(),
                        "it says nothing more: " + Files.readString(out, StandardCharsets.ISO_8859_1));
            } finally {
                boot.destroy();
                assertTrue(boot.waitFor(30, TimeUnit.SECONDS));
            }
        }));
    }

    private static void look(LiveSource source) throws Exception {
        Set<String> classes = new TreeSet<>();
        Set<String> reasons = new TreeSet<>();
        Set<Integer> processes = new TreeSet<>();
        Set<String> changed = new TreeSet<>();
        long consistent = 0;
        long objects = 0;
        long least = Long.MAX_VALUE;
        Snapshot before = null;
        for (int i = 0; i < LOOKS; i++) {
            Snapshot s = source.take(Request.everything(), Cancel.NEVER);
            assertEquals(List.of(), s.missing());
            DerivationGraph graph = new DerivationGraph(s.capabilitySpaces());
            objects += s.threads().size() + graph.nodes().size() + s.pageTables().size() + s.runQueues().size() + s.endpoints().size();
            consistent += s.threads().stream().filter(t -> t.consistency().consistent()).count() + graph.nodes().size() - graph.inconsistent().size()
                    + s.pageTables().stream().filter(t -> t.consistency().consistent()).count() + s.runQueues().stream().filter(q -> q.consistency().consistent()).count()
                    + s.endpoints().stream().filter(e -> e.consistency().consistent()).count();
            assertEquals(List.of(), new WaitForGraph(s).deadlocks());
            assertEquals(List.of(), PageFindings.of(s, List.of()).stream().filter(f -> f.kind() == PageFindings.Kind.WRITE_EXECUTE).toList());
            s.threads().forEach(t -> classes.add(t.schedulingClass()));
            s.threads().stream().filter(t -> t.run() == ThreadState.Run.BLOCKED).forEach(t -> reasons.add(t.waiting().reason()));
            s.processes().forEach(p -> processes.add(p.pid()));
            least = Math.min(least, s.memory().orElseThrow().zones().stream().mapToLong(z -> z.free()).sum());
            if (before != null) {
                SnapshotDiff diff = SnapshotDiff.of(before, s);
                note(changed, "process", diff.processes());
                note(changed, "capability", diff.capabilities());
                note(changed, "thread", diff.threads());
                diff.mappings().forEach(m -> changed.add("mapping " + m.what()));
            }
            before = s;
            Thread.sleep(40);
        }
        assertTrue(classes.containsAll(List.of("Fixed", "RoundRobin", "Fair")), classes.toString());
        assertTrue(reasons.containsAll(List.of("Sleep", "Receive", "Notification", "Channel")), reasons.toString());
        assertTrue(processes.size() > 15, processes.toString());
        assertTrue(changed.containsAll(List.of("process added", "process gone", "capability added", "capability gone", "thread changed", "mapping ADDED", "mapping GONE")),
                changed.toString());
        assertTrue(consistent >= 0.97 * objects, consistent + " of " + objects + " were consistent");
        assertTrue(least > 20_000, "memory in use grows without bound: " + least + " frames were free");
        System.out.printf("workload: %d of %d objects were consistent%n", consistent, objects);
    }

    private static <T> void note(Set<String> changed, String what, SnapshotDiff.Changes<T> changes) {
        if (!changes.added().isEmpty()) {
            changed.add(what + " added");
        }
        if (!changes.gone().isEmpty()) {
            changed.add(what + " gone");
        }
        if (!changes.changed().isEmpty()) {
            changed.add(what + " changed");
        }
    }
}
