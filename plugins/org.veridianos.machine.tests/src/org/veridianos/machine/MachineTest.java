package org.veridianos.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Real QEMU processes with tiny guests, and what can go wrong with them. */
@Timeout(60)
class MachineTest {

    private static final Machine.Owner OWNER = new Machine.Owner("test", false, "/project");

    @TempDir
    Path folder;

    private Path ram;
    private Sessions sessions;

    @BeforeEach
    void sessions() throws IOException {
        ram = Files.createDirectory(folder.resolve("ram"));
        sessions = new Sessions(folder.resolve("s"), List.of(ram));
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        assertEquals(List.of(), sessions.list());
        try (Stream<Path> files = Files.list(ram)) {
            assertEquals(List.of(), files.toList());
        }
        try (Stream<Path> files = Files.list(sessions.root())) {
            assertEquals(List.of(sessions.root().resolve(".lock")), files.toList());
        }
    }

    private Machine start(MachineConfig config) throws MachineException {
        return Machine.start(config, sessions, OWNER, System.getenv());
    }

    private static String readAll(Machine machine) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        ByteBuffer buffer = ByteBuffer.allocate(4096);
        while (machine.console().read(buffer) >= 0) {
            all.write(buffer.array(), 0, buffer.position());
            buffer.clear();
        }
        return all.toString(StandardCharsets.UTF_8);
    }

    private String failure(MachineConfig config) {
        String message = assertThrows(MachineException.class, () -> start(config).close()).getMessage();
        assertEquals(1, message.lines().count(), message);
        return message;
    }

    @Test
    void theFirstByteAndTheLastReachTheConsoleAndTheLog() throws Exception {
        try (Machine machine = start(TinyGuest.config(TinyGuest.printing(folder, "hello\nveridian-exit: 7\n")))) {
            assertEquals("hello\nveridian-exit: 7\n", readAll(machine));
            assertEquals("hello\nveridian-exit: 7\n", Files.readString(machine.session().consoleLog()));
            assertTrue(machine.waitFor(10, TimeUnit.SECONDS));
        }
    }

    @Test
    void noByteOfAFloodIsLost() throws Exception {
        int blocks = 4;
        try (Machine machine = start(TinyGuest.config(TinyGuest.flooding(folder, blocks)))) {
            List<String> lines = new ArrayList<>();
            KernelTests.End end = ConsoleLines.follow(machine, Duration.ofSeconds(30), lines::add);
            assertEquals(OptionalInt.of(3), end.status(), end.cause());
            assertEquals(blocks * 64 * 1024 + 1, lines.stream().filter(l -> !l.startsWith("veridian")).mapToInt(l -> l.length() + 1).sum());
        }
    }

    @Test
    void aRunningMachineIsASessionThatVisitorsSee() throws Exception {
        try (Machine machine = start(TinyGuest.config(TinyGuest.counting(folder, "ready\n")))) {
            Session session = sessions.get("riscv64");
            assertEquals("riscv64-1", session.id());
            assertEquals(machine.session().qemu(), session.qemu());
            assertEquals("riscv64", session.toJson().get("arch").getAsString());
            assertTrue(new QmpMachineState(session).isRunning());
            MachineState.Cpu cpu = new QmpMachineState(session).cpus().get(0);
            assertEquals(TinyGuest.RAM, cpu.register("pc").orElseThrow() & ~0xfff);
            assertTrue(cpu.register("satp").isPresent());
        }
    }

    @Test
    void ownerAndSeveralVisitorsUseTheMonitorAtOnce() throws Exception {
        try (Machine machine = start(TinyGuest.config(TinyGuest.counting(folder, "")))) {
            Qmp owner = machine.qmp();
            List<Thread> visitors = new ArrayList<>();
            List<Boolean> answers = java.util.Collections.synchronizedList(new ArrayList<>());
            for (int i = 0; i < 4; i++) {
                visitors.add(Thread.ofPlatform().start(() -> {
                    try {
                        answers.add(new QmpMachineState(machine.session()).isRunning());
                    } catch (MachineException failed) {
                        throw new AssertionError(failed);
                    }
                }));
            }
            assertTrue(owner.execute("query-status").getAsJsonObject().get("running").getAsBoolean());
            for (Thread visitor : visitors) {
                visitor.join();
            }
            assertEquals(List.of(true, true, true, true), answers);
            assertEquals("QEMU: The command no-such has not been found",
                    assertThrows(MachineException.class, () -> owner.execute("no-such")).getMessage());
        }
    }

    @Test
    void theGuestsMemoryIsReadWhileItRunsWhenItStandsAndFromADump() throws Exception {
        Path dump = folder.resolve("dump");
        try (Machine machine = start(TinyGuest.config(TinyGuest.counting(folder, ""))); GuestMemory memory = SegmentedMemory.of(machine.session())) {
            Qmp qmp = machine.qmp();
            assertEquals(List.of(new GuestMemory.Range(TinyGuest.RAM, 32 << 20)), memory.ranges());
            long first = memory.readLong(TinyGuest.COUNTER);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (memory.readLong(TinyGuest.COUNTER) <= first) {
                assertTrue(System.nanoTime() < deadline, "the counter stands still");
            }
            qmp.execute("stop");
            long standing = memory.readLong(TinyGuest.COUNTER);
            JsonObject arguments = new JsonObject();
            arguments.addProperty("paging", false);
            arguments.addProperty("protocol", "file:" + dump);
            qmp.execute("dump-guest-memory", arguments);
            try (GuestMemory dumped = SegmentedMemory.ofDump(dump)) {
                assertTrue(dumped.contains(TinyGuest.RAM, 32 << 20));
                assertEquals(standing, dumped.readLong(TinyGuest.COUNTER));
            }
            machine.kill();
            assertEquals(standing, memory.readLong(TinyGuest.COUNTER), "a crashed guest's memory is still there");
        }
    }

    @Test
    void aKilledQemuIsSaidAndCleanedUp() throws Exception {
        try (Machine machine = start(TinyGuest.config(TinyGuest.counting(folder, "x\n")))) {
            ProcessHandle.of(machine.session().qemu().orElseThrow().pid()).orElseThrow().destroyForcibly();
            KernelTests.End end = ConsoleLines.follow(machine, Duration.ofSeconds(30), line -> { });
            assertEquals("QEMU was ended by signal 9", end.cause());
        }
    }

    @Test
    void aSilentGuestIsEnded() throws Exception {
        try (Machine machine = start(TinyGuest.config(TinyGuest.counting(folder, "x\n")))) {
            assertEquals("nothing was printed for 1 s", ConsoleLines.follow(machine, Duration.ofSeconds(1), line -> { }).cause());
        }
    }

    @Test
    void aRefusedArgumentIsToldInQemusWords() throws Exception {
        String message = failure(TinyGuest.config(TinyGuest.printing(folder, "")).withExtraArgs(List.of("-device", "no-such-device")));
        assertEquals("qemu-system-riscv64 refused to start: -device no-such-device: 'no-such-device' is not a valid device model name", message);
    }

    @Test
    void aPortInUseIsToldInQemusWords() throws Exception {
        try (java.net.ServerSocket taken = new java.net.ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
            String message = failure(TinyGuest.config(TinyGuest.printing(folder, ""))
                    .withExtraArgs(List.of("-serial", "tcp:127.0.0.1:" + taken.getLocalPort() + ",server=on,wait=off")));
            assertTrue(message.contains("Address already in use"), message);
        }
    }

    @Test
    void aSocketThatIsTakenIsNotStolen() throws Exception {
        try (Machine first = start(TinyGuest.config(TinyGuest.counting(folder, ""))); Machine second = start(TinyGuest.config(TinyGuest.counting(folder, "")))) {
            assertEquals("riscv64-1", first.session().id());
            assertEquals("riscv64-2", second.session().id());
            assertTrue(assertThrows(MachineException.class, () -> sessions.get("riscv64")).getMessage().contains("ambiguous"));
        }
    }

    @Test
    void aMissingQemuNamesItsPackage() throws Exception {
        Path kernel = TinyGuest.printing(folder, "");
        MachineConfig config = MachineConfig.of(TinyGuest.profile("qemu-system-nowhere"), kernel, kernel, java.util.Optional.empty());
        assertEquals("qemu-system-nowhere is not installed; on Debian: apt-get install qemu-system-misc", failure(config));
    }

    @Test
    void aQemuThatDiesAtOnceIsToldInItsWords() throws Exception {
        Path fake = folder.resolve("fake-qemu");
        Files.writeString(fake, "#!/bin/sh\necho 'cannot do this' >&2\nexit 1\n");
        assertTrue(fake.toFile().setExecutable(true));
        Path kernel = TinyGuest.printing(folder, "");
        assertEquals(fake + " refused to start: cannot do this",
                failure(MachineConfig.of(TinyGuest.profile(fake.toString()), kernel, kernel, java.util.Optional.empty())));
    }

    @Test
    void theWrongArchitectureIsRefused() throws Exception {
        Path kernel = Files.write(folder.resolve("arm.elf"), TinyGuest.elf(183, 0, new byte[8]));
        assertEquals(kernel + " is built for aarch64, the machine is riscv64", failure(TinyGuest.config(kernel)));
    }

    @Test
    void whatIsNoKernelIsRefused() throws Exception {
        Path kernel = Files.writeString(folder.resolve("text"), "this is no kernel");
        assertEquals(kernel + " is no kernel: neither an ELF file nor a flat ARM image", failure(TinyGuest.config(kernel)));
        assertTrue(failure(TinyGuest.config(folder.resolve("nowhere"))).startsWith("no kernel at "));
    }

    @Test
    void tooLittleMemoryIsRefused() throws Exception {
        String message = failure(TinyGuest.config(TinyGuest.printing(folder, "")).withMemory(8 << 20));
        assertTrue(message.startsWith("8 MiB of RAM are too little for this kernel"), message);
    }

    @Test
    void aFullFileSystemIsRefusedBeforeTheStart() throws Exception {
        long beyond = (Files.getFileStore(ram).getTotalSpace() / (1 << 20) + 1) * (1 << 20);
        String message = failure(TinyGuest.config(TinyGuest.printing(folder, "")).withMemory(beyond));
        assertTrue(message.startsWith("no room for ") && message.contains("VERIDIAN_RAM_DIR"), message);
    }

    @Test
    void tooManyCpusAndNodesAreRefused() throws Exception {
        MachineConfig config = TinyGuest.config(TinyGuest.printing(folder, ""));
        assertEquals("17 CPUs: the kernel serves 1 to 16", failure(config.withCpus(17)));
        assertEquals("2 NUMA nodes need at least as many CPUs; this machine has 1", failure(config.withNodes(2)));
        sessions.list();
    }

    @Test
    void numaNodesHaveAFileEach() throws Exception {
        MachineConfig config = TinyGuest.config(TinyGuest.counting(folder, "")).withCpus(2).withNodes(2).withMemory(64 << 20);
        try (Machine machine = start(config); GuestMemory memory = SegmentedMemory.of(machine.session())) {
            assertEquals(2, machine.session().ram().stream().map(RamRange::file).distinct().count());
            assertEquals(List.of(new GuestMemory.Range(TinyGuest.RAM, 64 << 20)), memory.ranges());
        }
    }

    @Test
    void aCommaInAPathIsNoSeparator() throws Exception {
        sessions = new Sessions(folder.resolve("a,b"), List.of(ram));
        try (Machine machine = start(TinyGuest.config(TinyGuest.printing(folder, "hi\n")))) {
            assertEquals("hi\n", readAll(machine));
        }
    }

    @Test
    void aDetachedMachineOutlivesItsOwner() throws Exception {
        Machine machine = Machine.start(TinyGuest.config(TinyGuest.counting(folder, "")), sessions, new Machine.Owner("test", true, ""), System.getenv());
        machine.detach();
        assertFalse(machine.console().isOpen());
        assertTrue(machine.isAlive());
        Session session = sessions.get("riscv64-1");
        assertTrue(session.outlivesOwner());
        sessions.remove(session);
        assertTrue(machine.waitFor(10, TimeUnit.SECONDS));
        assertFalse(machine.isAlive());
    }
}
