package org.veridianos.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./veridian inspect} on a machine of each architecture that waits at init's prompt. */
@Tag("boot")
class InspectTest {

    @TempDir
    Path folder;

    private Map<String, String> environment() {
        return Map.of("VERIDIAN_RUNTIME_DIR", folder.resolve("run").toString());
    }

    @TestFactory
    Stream<DynamicTest> everyKindOnEveryArchitecture() {
        return Stream.of("x86_64", "aarch64", "riscv64").map(arch -> DynamicTest.dynamicTest(arch, () -> {
            Path out = folder.resolve(arch + ".out");
            Process boot = Veridian.start(environment(), out, folder.resolve(arch + ".err"), List.of("boot", "--arch", arch, "--interactive"));
            try {
                await(out);
                look(arch + "-1");
            } finally {
                boot.destroy();
                assertTrue(boot.waitFor(20, TimeUnit.SECONDS));
            }
        }));
    }

    private void look(String session) throws IOException, InterruptedException {
        JsonObject threads = json(session, "threads");
        assertEquals("init", threads.getAsJsonArray("processes").get(0).getAsJsonObject().get("name").getAsString());
        JsonObject thread = threads.getAsJsonArray("threads").get(0).getAsJsonObject();
        assertEquals("blocked", thread.get("state").getAsString());
        assertEquals("console input", thread.getAsJsonObject("waiting").get("text").getAsString());

        JsonArray cpus = json(session, "runqueues").getAsJsonArray("cpus");
        assertEquals(2, cpus.size());
        for (JsonElement cpu : cpus) {
            assertEquals("Online", cpu.getAsJsonObject().get("state").getAsString());
        }

        JsonObject space = json(session, "caps").getAsJsonArray("spaces").get(0).getAsJsonObject();
        assertEquals("init (1)", space.getAsJsonObject("holder").get("name").getAsString());
        JsonObject self = space.getAsJsonArray("capabilities").get(0).getAsJsonObject();
        assertEquals("0x1000001", self.get("token").getAsString());
        assertEquals("init (1)", self.getAsJsonObject("object").get("name").getAsString());

        JsonArray spaces = json(session, "pages").getAsJsonArray("addressSpaces");
        assertEquals(2, spaces.size());
        for (JsonElement each : spaces) {
            assertTrue(each.getAsJsonObject().get("whole").getAsBoolean());
            for (JsonElement range : each.getAsJsonObject().getAsJsonArray("ranges")) {
                String allows = range.getAsJsonObject().get("permissions").getAsString();
                assertTrue(!allows.startsWith("rwx"), session + " maps writable code: " + range);
            }
        }

        JsonObject memory = json(session, "frames").getAsJsonObject("memory");
        assertTrue(memory.getAsJsonArray("zones").get(0).getAsJsonObject().get("free").getAsLong() > 0);
        List<String> reserved = memory.getAsJsonArray("reserved").asList().stream().map(r -> r.getAsJsonObject().get("name").getAsString()).toList();
        assertTrue(reserved.containsAll(List.of("kernel", "initrd", "frame records")), reserved.toString());
        assertEquals(0, json(session, "endpoints").getAsJsonArray("endpoints").size());

        JsonObject objects = json(session, "objects");
        List<String> roots = objects.getAsJsonArray("roots").asList().stream().map(r -> r.getAsJsonObject().get("name").getAsString()).toList();
        assertTrue(roots.containsAll(List.of("cpus", "processes", "schedulers", "slab caches")), roots.toString());
    }

    /** Asks twice at once: visitors do not disturb each other. */
    private JsonObject json(String session, String what) throws IOException, InterruptedException {
        Process other = Veridian.start(environment(), folder.resolve("other"), folder.resolve("other.err"), List.of("inspect", session, what));
        Veridian.Result result = Veridian.run(environment(), "inspect", session, what, "--json");
        assertEquals(0, result.status(), result.text());
        assertTrue(other.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, other.exitValue(), Files.readString(folder.resolve("other.err")));
        JsonObject json = JsonParser.parseString(result.out()).getAsJsonObject();
        assertEquals(1, json.get("schema").getAsInt());
        assertEquals(session, json.get("machine").getAsString());
        assertEquals(0, json.getAsJsonArray("missing").size(), result.out());
        assertEquals(0, json.getAsJsonArray("problems").size(), result.out());
        return json;
    }

    /** Three watch one machine at once; each sees moment after moment, and hears why it ends. */
    @Test
    void severalWatchAtOnceUntilTheMachineEnds() throws Exception {
        Path out = folder.resolve("watched.out");
        Process boot = Veridian.start(environment(), out, folder.resolve("watched.err"), List.of("boot", "--arch", "x86_64", "--interactive"));
        Map<String, Process> visitors = new TreeMap<>();
        try {
            await(out);
            for (String what : List.of("threads", "caps", "pages")) {
                visitors.put(what, Veridian.start(environment(), folder.resolve(what), folder.resolve(what + ".err"),
                        List.of("inspect", "x86_64-1", what, "--json", "--watch", "--interval", "100")));
            }
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
            for (String what : visitors.keySet()) {
                while (Files.readString(folder.resolve(what)).lines().count() < 5) {
                    assertTrue(System.nanoTime() < deadline && visitors.get(what).isAlive(), Files.readString(folder.resolve(what + ".err")));
                    Thread.sleep(20);
                }
            }
            boot.destroy();
            assertTrue(boot.waitFor(20, TimeUnit.SECONDS));
            for (Map.Entry<String, Process> visitor : visitors.entrySet()) {
                assertTrue(visitor.getValue().waitFor(20, TimeUnit.SECONDS), visitor.getKey() + " goes on");
                String said = Files.readString(folder.resolve(visitor.getKey() + ".err"));
                assertEquals(0, visitor.getValue().exitValue(), said);
                assertTrue(said.contains("x86_64-1 has ended"), said);
                List<String> moments = Files.readString(folder.resolve(visitor.getKey())).lines().map(l -> JsonParser.parseString(l).getAsJsonObject().get("taken").getAsString()).toList();
                assertEquals(moments.size(), moments.stream().distinct().count());
                assertEquals(moments.stream().sorted().toList(), moments);
            }
        } finally {
            visitors.values().forEach(Process::destroy);
            boot.destroy();
            assertTrue(boot.waitFor(20, TimeUnit.SECONDS));
        }
    }

    private static void await(Path out) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (!Files.readString(out, StandardCharsets.ISO_8859_1).contains("init: ready")) {
            assertTrue(System.nanoTime() < deadline, "waited in vain");
            Thread.sleep(20);
        }
    }
}
