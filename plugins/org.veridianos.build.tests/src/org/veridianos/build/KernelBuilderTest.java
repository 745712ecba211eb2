package org.veridianos.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.veridianos.build.BuildResult.Outcome;

/** The builder against a scripted cargo. */
class KernelBuilderTest {

    @TempDir
    Path folder;

    private final List<String> progress = new ArrayList<>();
    private final BuildListener listener = new BuildListener() {
        @Override
        public void progress(String what) {
            progress.add(what);
        }
    };

    @BeforeEach
    void kernel() throws IOException {
        Files.createDirectories(folder.resolve("kernel"));
        Files.writeString(folder.resolve("kernel/Cargo.toml"), "");
        Files.createDirectories(folder.resolve("bin"));
    }

    private KernelBuilder cargo(String script) throws IOException {
        Path cargo = folder.resolve("bin/cargo");
        Files.writeString(cargo, "#!/bin/sh\n" + script + "\n");
        assertTrue(cargo.toFile().setExecutable(true));
        return new KernelBuilder(new Toolchain(folder.resolve("bin"), "test"));
    }

    private BuildRequest request(Target... targets) {
        return new BuildRequest(folder.resolve("kernel"), List.of(targets), true, true);
    }

    @Test
    void cargoIsCalledOnceForEachArchitectureInTheKernelsFolder() throws Exception {
        BuildResult result = cargo("echo \"$(basename $PWD) $*\" >> ../calls").build(request(Target.X86_64, Target.RISCV64), listener, () -> false);
        assertTrue(result.isDone());
        assertEquals(List.of("kernel xtask build --arch x86_64 --profile release --message-format json --tests",
                "kernel xtask build --arch riscv64 --profile release --message-format json --tests"), Files.readAllLines(folder.resolve("calls")));
    }

    @Test
    void progressAndImagesComeFromCargosOutput() throws Exception {
        BuildResult result = cargo("echo '   Compiling thing v0.1' >&2; echo '{\"reason\":\"veridian-image\",\"arch\":\"x86_64\",\"profile\":\"dev\",\"elf\":\"e\",\"boot\":\"b\"}'")
                .build(request(Target.X86_64), listener, () -> false);
        assertEquals(List.of("Compiling thing v0.1"), progress);
        assertEquals(folder.resolve("kernel/b"), result.images().get(0).boot());
    }

    @Test
    void theFirstFailureEndsTheBuildWithItsReason() throws Exception {
        BuildResult result = cargo("echo 'error: could not write output: No space left on device (os error 28)' >&2; exit 101")
                .build(request(Target.X86_64, Target.RISCV64), listener, () -> false);
        assertEquals(Outcome.FAILED, result.outcome());
        assertEquals("error: could not write output: No space left on device (os error 28)", result.reason());
    }

    @Test
    void cancellingEndsTheWholeProcessTreeWithinASecond() throws Exception {
        Path marker = folder.resolve("grandchild");
        KernelBuilder builder = cargo("sh -c 'echo $$ > " + marker + "; sleep 300' & sleep 300; wait");
        AtomicBoolean cancelled = new AtomicBoolean();
        List<BuildResult> results = new ArrayList<>();
        Thread build = Thread.ofPlatform().start(() -> {
            try {
                results.add(builder.build(request(Target.X86_64), listener, cancelled::get));
            } catch (IOException failed) {
                throw new AssertionError(failed);
            }
        });
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!(Files.exists(marker) && Files.size(marker) > 1) && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
        ProcessHandle grandchild = ProcessHandle.of(Long.parseLong(Files.readString(marker).strip())).orElseThrow();
        long asked = System.nanoTime();
        cancelled.set(true);
        build.join(5000);
        assertTrue(System.nanoTime() - asked < TimeUnit.SECONDS.toNanos(1), "cancel took too long");
        assertEquals(Outcome.CANCELLED, results.get(0).outcome());
        assertFalse(ProcessTree.runs(grandchild), "a grandchild survived");
    }

    @Test
    void aFloodOfOutputNeitherBlocksNorFillsTheMemory() throws Exception {
        BuildResult result = cargo("yes 'note: a line of cargo that says nothing' | head -n 200000 >&2").build(request(Target.X86_64), listener, () -> false);
        assertTrue(result.isDone());
        assertTrue(result.output().length() < 300_000);
    }

    @Test
    void aFolderWithoutKernelIsRefused() throws Exception {
        Files.delete(folder.resolve("kernel/Cargo.toml"));
        String message = assertThrows(IOException.class, () -> cargo("true").build(request(Target.X86_64), listener, () -> false)).getMessage();
        assertTrue(message.startsWith("no kernel sources in "), message);
    }

    @Test
    void aMissingCargoIsSaid() {
        KernelBuilder builder = new KernelBuilder(new Toolchain(folder.resolve("nowhere"), "test"));
        BuildRequest request = request(Target.X86_64);
        // setsid starts and says itself that there is no cargo.
        assertTrue(failureOf(builder, request).contains("cargo"));
    }

    private String failureOf(KernelBuilder builder, BuildRequest request) {
        try {
            BuildResult result = builder.build(request, listener, () -> false);
            return result.isDone() ? "" : result.reason();
        } catch (IOException failed) {
            return failed.getMessage();
        }
    }
}
