package org.veridianos.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.veridianos.machine.RamRange;
import org.veridianos.machine.Sessions;

/** The kernel booted by {@code ./veridian boot}: every machine it must work on, and every way a guest ends. */
@Tag("boot")
class BootTest {

    private static final List<String> ARCHITECTURES = List.of("x86_64", "aarch64", "riscv64");

    @TempDir
    Path folder;

    private static Veridian.Result boot(String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("boot", "--timeout", "120"));
        command.addAll(List.of(words));
        return Veridian.run(Map.of(), command.toArray(String[]::new));
    }

    /** A boot that must end well, with init's ready line for {@code cpus} CPUs. */
    private static DynamicTest ready(int cpus, String... words) {
        return DynamicTest.dynamicTest(String.join(" ", words), () -> {
            Veridian.Result result = boot(words);
            assertEquals(0, result.status(), result.text());
            assertTrue(result.out().lines().anyMatch(l -> l.equals("init: ready, " + cpus + " cpus")), result.text());
            assertTrue(result.out().endsWith("veridian-exit: 0\r\n"), result.text());
        });
    }

    @TestFactory
    Stream<DynamicTest> everyNumberOfCpus() {
        return ARCHITECTURES.stream().flatMap(arch -> Stream.of(1, 2, 4, 8).map(n -> ready(n, "--arch", arch, "--cpus", Integer.toString(n))));
    }

    @TestFactory
    Stream<DynamicTest> littleAndMuchMemory() {
        return ARCHITECTURES.stream().flatMap(arch -> Stream.of("64M", "4G").map(m -> ready(2, "--arch", arch, "--memory", m)));
    }

    @TestFactory
    Stream<DynamicTest> severalNodes() {
        return ARCHITECTURES.stream().map(arch -> ready(4, "--arch", arch, "--cpus", "4", "--nodes", "2", "--memory", "512M"));
    }

    @TestFactory
    Stream<DynamicTest> otherCpuModels() {
        return Stream.of(ready(2, "--arch", "aarch64", "--profile", "aarch64-max"), ready(2, "--arch", "aarch64", "--profile", "aarch64-cortex-a57"),
                ready(2, "--arch", "x86_64", "--profile", "x86_64-qemu64"));
    }

    @TestFactory
    Stream<DynamicTest> theShippedConfiguration() {
        return ARCHITECTURES.stream().map(arch -> ready(2, "--arch", arch, "--release"));
    }

    @TestFactory
    Stream<DynamicTest> instructionCounting() {
        return ARCHITECTURES.stream().map(arch -> ready(1, "--arch", arch, "--release", "--cpus", "1", "--icount"));
    }

    @TestFactory
    Stream<DynamicTest> theGuestsStatusIsTheCommands() {
        return ARCHITECTURES.stream().flatMap(arch -> Stream.of(0, 1, 7, 16, 127, 128, 255).map(status -> DynamicTest.dynamicTest(arch + " exit " + status, () -> {
            Veridian.Result result = boot("--arch", arch, "--", "exit", Integer.toString(status));
            assertEquals(status, result.status(), result.text());
            assertTrue(result.out().endsWith("veridian-exit: " + status + "\r\n"), result.text());
        })));
    }

    @TestFactory
    Stream<DynamicTest> aPanicNamesTheFunctionsAndIs101() {
        return ARCHITECTURES.stream().map(arch -> DynamicTest.dynamicTest(arch, () -> {
            Veridian.Result result = boot("--arch", arch, "--kernel-arg", "panic");
            assertEquals(101, result.status(), result.text());
            assertTrue(result.out().contains("panic: the boot argument 'panic' asks for it at src/boot.rs:"), result.text());
            assertTrue(result.out().lines().anyMatch(l -> l.matches(" +\\d+: 0x[0-9a-f]{16} veridian_kernel::boot::main_boot\\+0x[0-9a-f]+")), result.text());
            assertTrue(result.out().endsWith("veridian-exit: 101\r\n"), result.text());
        }));
    }

    /** With its memory wiped, an x86 CPU has neither an interrupt table nor page tables for the next fault. */
    @Test
    void aTripleFaultIsOneLine() throws Exception {
        Path run = folder.resolve("run");
        Map<String, String> environment = Map.of("VERIDIAN_RUNTIME_DIR", run.toString());
        Path err = folder.resolve("err");
        Path out = folder.resolve("out");
        Process boot = Veridian.start(environment, out, err, List.of("boot", "--arch", "x86_64", "--memory", "64M", "--interactive"));
        try {
            await(() -> Files.readString(out, java.nio.charset.StandardCharsets.ISO_8859_1).contains("init: ready"));
            for (RamRange ram : new Sessions(run, List.of()).list().getFirst().ram()) {
                try (FileChannel file = FileChannel.open(ram.file(), StandardOpenOption.WRITE)) {
                    file.write(ByteBuffer.allocate(Math.toIntExact(ram.length())), ram.offset());
                }
            }
            // An idle CPU sleeps until something happens.
            boot.getOutputStream().write('x');
            boot.getOutputStream().flush();
            assertTrue(boot.waitFor(60, TimeUnit.SECONDS));
            assertEquals(1, boot.exitValue());
            assertTrue(Files.readString(err).endsWith("veridian: the guest reset or powered off without an exit line (QEMU's status 0)\n"), Files.readString(err));
        } finally {
            boot.destroyForcibly();
        }
    }

    @TestFactory
    Stream<DynamicTest> tooLittleMemoryIsRefusedBeforeTheStart() {
        return ARCHITECTURES.stream().map(arch -> DynamicTest.dynamicTest(arch, () -> {
            Veridian.Result result = boot("--arch", arch, "--memory", "8M");
            assertEquals(1, result.status(), result.text());
            assertEquals("", result.out());
            assertTrue(result.message().matches("veridian: 8 MiB of RAM are too little for this kernel .*give the machine 64M or more"), result.text());
        }));
    }

    @Test
    void aRefusedArgumentIsOneLineWithQemusWords() throws Exception {
        Veridian.Result result = boot("--arch", "x86_64", "--qemu-arg", "-bogus");
        assertEquals(1, result.status(), result.text());
        assertEquals("veridian: qemu-system-x86_64 refused to start: -bogus: invalid option", result.message());
    }

    @Test
    void noRoomForTheRamIsOneLine() throws Exception {
        Veridian.Result result = boot("--arch", "riscv64", "--memory", "900000G");
        assertEquals(1, result.status(), result.text());
        assertTrue(result.message().startsWith("veridian: no room for "), result.text());
    }

    @Test
    void aMachineOfAKilledCommandIsGoneAfterTheNext() throws Exception {
        Map<String, String> environment = Map.of("VERIDIAN_RUNTIME_DIR", folder.resolve("run").toString());
        Path out = folder.resolve("out");
        Process boot = Veridian.start(environment, out, folder.resolve("err"), List.of("boot", "--arch", "riscv64", "--interactive"));
        try {
            await(() -> Files.readString(out, java.nio.charset.StandardCharsets.ISO_8859_1).contains("init: ready"));
            String sessions = Veridian.run(environment, "sessions", "--json").out();
            long qemu = com.google.gson.JsonParser.parseString(sessions).getAsJsonArray().get(0).getAsJsonObject().getAsJsonObject("qemu").get("pid").getAsLong();
            boot.destroyForcibly().waitFor();
            assertTrue(ProcessHandle.of(qemu).isPresent());
            assertEquals("no machine runs\n", Veridian.run(environment, "sessions").out());
            await(() -> org.veridianos.machine.ProcessIdentity.of(qemu).isEmpty());
        } finally {
            boot.destroyForcibly();
        }
    }

    @Test
    void aKilledQemuIsOneLine() throws Exception {
        Map<String, String> environment = Map.of("VERIDIAN_RUNTIME_DIR", folder.resolve("run").toString());
        Path err = folder.resolve("err");
        Path out = folder.resolve("out");
        Process boot = Veridian.start(environment, out, err, List.of("boot", "--arch", "riscv64", "--interactive"));
        try {
            await(() -> Files.readString(out, java.nio.charset.StandardCharsets.ISO_8859_1).contains("init: ready"));
            assertEquals(0, new ProcessBuilder("pkill", "-KILL", "-f", folder.resolve("run") + "/riscv64-1/qemu.pid").start().waitFor());
            assertTrue(boot.waitFor(20, TimeUnit.SECONDS));
            assertEquals(1, boot.exitValue());
            assertTrue(Files.readString(err).endsWith("veridian: QEMU was ended by signal 9\n"), Files.readString(err));
        } finally {
            boot.destroyForcibly();
        }
    }

    @Test
    void twoBootsOfDifferentArchitecturesRunAtOnce() throws Exception {
        List<Process> boots = new ArrayList<>();
        for (String arch : ARCHITECTURES) {
            boots.add(Veridian.start(Map.of(), folder.resolve(arch), folder.resolve(arch + ".err"), List.of("boot", "--arch", arch, "--", "exit", "9")));
        }
        for (Process boot : boots) {
            assertTrue(boot.waitFor(120, TimeUnit.SECONDS));
            assertEquals(9, boot.exitValue());
        }
    }

    private interface Condition {
        boolean holds() throws IOException;
    }

    private static void await(Condition condition) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.holds()) {
            assertTrue(System.nanoTime() < deadline, "waited in vain");
            Thread.sleep(20);
        }
    }
}
