package org.veridianos.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands in this process, against a checkout with a scripted cargo. */
class MainTest {

    @TempDir
    Path folder;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Map<String, String> environment = new HashMap<>();

    @BeforeEach
    void checkout() throws IOException {
        Files.createDirectories(folder.resolve("kernel"));
        Files.writeString(folder.resolve("kernel/Cargo.toml"), "");
        environment.put("HOME", folder.toString());
        environment.put("PATH", System.getenv("PATH"));
        environment.put("VERIDIAN_RUNTIME_DIR", folder.resolve("run").toString());
    }

    private int run(String... words) {
        Context context = new Context(folder, environment, new PrintStream(out, true, StandardCharsets.UTF_8), new PrintStream(err, true, StandardCharsets.UTF_8),
                false);
        return Main.run(context, List.of(words));
    }

    private String error() {
        return err.toString(StandardCharsets.UTF_8);
    }

    private void cargo(String script) throws IOException {
        Path bin = Files.createDirectories(folder.resolve("toolchain/bin"));
        for (String tool : List.of("cargo", "rustc")) {
            Files.writeString(bin.resolve(tool), "#!/bin/sh\n" + script + "\n");
            assertTrue(bin.resolve(tool).toFile().setExecutable(true));
        }
        for (String triple : org.veridianos.build.Target.allTriples()) {
            Path lib = Files.createDirectories(folder.resolve("toolchain/lib/rustlib").resolve(triple).resolve("lib"));
            Files.writeString(lib.resolve("libcore-0.rlib"), "");
        }
        environment.put("VERIDIAN_RUST", bin.toString());
    }

    @Test
    void everyCommandAnswersHelpAndTheScriptListsIt() throws IOException {
        String script = Files.readString(Path.of(System.getProperty("veridian.home"), "veridian"));
        for (Command command : Main.COMMANDS) {
            out.reset();
            assertEquals(0, run(command.name(), "--arch", "nonsense", "--help"));
            assertTrue(out.toString(StandardCharsets.UTF_8).startsWith("Usage: ./veridian " + command.name()), command.name());
            assertTrue(script.contains("\n  " + command.name() + " "), command.name() + " is missing in ./veridian help");
        }
        assertEquals("", error());
    }

    @Test
    void anUnknownCommandIsOneLine() {
        assertEquals(Failure.USAGE, run("bogus"));
        assertEquals("veridian: unknown command 'bogus'; './veridian help' lists them\n", error());
    }

    @Test
    void aMissingOrUnknownArchitectureIsOneLine() {
        assertEquals(Failure.USAGE, run("boot"));
        assertEquals(Failure.USAGE, run("boot", "--arch", "vax"));
        assertEquals("veridian: --arch is missing: one of x86_64, aarch64, riscv64; './veridian boot --help' explains\n"
                + "veridian: unknown architecture 'vax': use one of x86_64, aarch64, riscv64; './veridian boot --help' explains\n", error());
    }

    @Test
    void aMissingToolchainIsOneLine() {
        assertEquals(1, run("build"));
        assertTrue(error().startsWith("veridian: no Rust toolchain with the targets of the kernel; run './veridian build'"), error());
        assertEquals(1, error().lines().count());
    }

    @Test
    void aKernelThatDoesNotCompileIsShownAndSummedUp() throws IOException {
        cargo("printf '%s\\n' '{\"reason\":\"compiler-message\",\"manifest_path\":\"x\",\"message\":{\"level\":\"error\",\"message\":\"mismatched types\",\"code\":null,"
                + "\"rendered\":\"error: mismatched types\\n --> src/a.rs:3:4\",\"spans\":[{\"file_name\":\"src/a.rs\",\"is_primary\":true,\"line_start\":3,"
                + "\"line_end\":3,\"column_start\":4,\"column_end\":5}]}}'; exit 101");
        assertEquals(1, run("build", "--arch", "riscv64"));
        assertEquals("error: mismatched types\n --> src/a.rs:3:4\nveridian: the kernel does not build: " + folder + "/kernel/src/a.rs:3:4: mismatched types\n",
                error());
    }

    @Test
    void aFullDiskIsSaidInCargosWords() throws IOException {
        cargo("echo 'error: failed to write /x/target: No space left on device (os error 28)' >&2; exit 101");
        assertEquals(1, run("build", "--arch", "riscv64"));
        assertTrue(error().endsWith("veridian: the kernel does not build: error: failed to write /x/target: No space left on device (os error 28)\n"), error());
    }

    @Test
    void aProfileOfAnotherArchitectureIsRefusedBeforeTheBuild() throws IOException {
        cargo("touch " + folder + "/built");
        assertEquals(Failure.USAGE, run("boot", "--arch", "x86_64", "--profile", "riscv64"));
        assertEquals(1, run("boot", "--arch", "x86_64", "--profile", "vax"));
        assertTrue(error().contains("profile riscv64 is a machine for riscv64, not x86_64"), error());
        assertTrue(error().contains("unknown profile 'vax'"), error());
        assertTrue(Files.notExists(folder.resolve("built")));
    }

    @Test
    void aBuildWithoutImageIsAFailure() throws IOException {
        cargo("true");
        assertEquals(1, run("boot", "--arch", "x86_64"));
        assertEquals("veridian: the build made no bootable image for x86_64\n", error());
    }

    @Test
    void noSessionIsNoError() {
        assertEquals(0, run("sessions"));
        assertEquals(0, run("sessions", "--json"));
        assertEquals("no machine runs\n[]\n", out.toString(StandardCharsets.UTF_8));
        assertEquals(1, run("sessions", "--end", "x"));
        assertEquals("veridian: no running machine is called 'x'; none runs\n", error());
    }

    @Test
    void aRuntimeFolderThatCannotBeUsedIsOneLine() throws IOException {
        Files.writeString(folder.resolve("run"), "a file");
        assertEquals(1, run("sessions"));
        assertEquals(1, error().lines().count(), error());
        environment.put("VERIDIAN_RUNTIME_DIR", folder + "/" + "x".repeat(100));
        err.reset();
        assertEquals(1, run("sessions"));
        assertTrue(error().contains("too long for a socket's address"), error());
    }

    @Test
    void theDoctorNamesWhatIsMissingAndItsPackage() {
        environment.put("PATH", folder.toString());
        assertEquals(1, run("doctor"));
        String report = out.toString(StandardCharsets.UTF_8);
        assertTrue(report.contains("- qemu-system-aarch64  missing, runs the kernel for aarch64; apt-get install qemu-system-arm"), report);
        assertTrue(report.contains("- rust "), report);
        assertEquals("veridian: something that is needed is missing; see the lines marked with - above\n", error());
    }
}
