package org.veridianos.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ToolchainFinderTest {

    @TempDir
    Path home;

    private Path toolchain(String folder, List<String> triples) throws IOException {
        Path root = home.resolve(folder);
        Files.createDirectories(root.resolve("bin"));
        for (String tool : List.of("cargo", "rustc")) {
            Files.writeString(root.resolve("bin").resolve(tool), "#!/bin/sh\n");
            assertTrue(root.resolve("bin").resolve(tool).toFile().setExecutable(true));
        }
        for (String triple : triples) {
            Path lib = Files.createDirectories(root.resolve("lib/rustlib").resolve(triple).resolve("lib"));
            Files.writeString(lib.resolve("libcore-0123.rlib"), "");
        }
        return root;
    }

    private Path find(Map<String, String> more) throws ToolchainMissingException {
        Map<String, String> environment = new HashMap<>(Map.of("HOME", home.toString()));
        environment.putAll(more);
        return new ToolchainFinder(environment).find().bin();
    }

    @Test
    void aCompleteRustupToolchainIsUsed() throws Exception {
        Path root = toolchain(".rustup/toolchains/stable-x86_64-unknown-linux-gnu", Target.allTriples());
        assertEquals(root.resolve("bin"), find(Map.of()));
    }

    @Test
    void theUsersDefaultComesFirst() throws Exception {
        toolchain(".rustup/toolchains/stable-x86_64-unknown-linux-gnu", Target.allTriples());
        Path nightly = toolchain(".rustup/toolchains/nightly-x86_64-unknown-linux-gnu", Target.allTriples());
        Files.writeString(home.resolve(".rustup/settings.toml"), "version = \"12\"\ndefault_toolchain = \"nightly-x86_64-unknown-linux-gnu\"\n");
        assertEquals(nightly.resolve("bin"), find(Map.of()));
    }

    @Test
    void aRustupToolchainWithoutTheTargetsIsPassedOverForTheProvisionedOne() throws Exception {
        toolchain(".rustup/toolchains/stable-x86_64-unknown-linux-gnu", List.of("x86_64-unknown-linux-gnu"));
        Path own = toolchain(".cache/veridian/rust/1.96.0", Target.allTriples());
        Files.writeString(own.resolve("complete"), "");
        assertEquals(own.resolve("bin"), find(Map.of()));
    }

    @Test
    void aHalfProvisionedToolchainIsNotUsed() throws Exception {
        toolchain(".cache/veridian/rust/1.96.0", Target.allTriples());
        assertThrows(ToolchainMissingException.class, () -> find(Map.of()));
    }

    @Test
    void theCacheMayLieElsewhere() throws Exception {
        Path own = toolchain("elsewhere/veridian/rust/1.96.0", Target.allTriples());
        Files.writeString(own.resolve("complete"), "");
        assertEquals(own.resolve("bin"), find(Map.of("XDG_CACHE_HOME", home.resolve("elsewhere").toString())));
    }

    @Test
    void withoutAnyTheMessageSaysWhatWasFoundAndWhatToDo() throws Exception {
        toolchain(".rustup/toolchains/stable", List.of("x86_64-unknown-linux-gnu", "x86_64-unknown-none"));
        String message = assertThrows(ToolchainMissingException.class, () -> find(Map.of())).getMessage();
        assertTrue(message.contains("rustup toolchain stable lacks aarch64-unknown-none-softfloat"), message);
        assertTrue(message.contains("./veridian build") && message.contains("rustup target add"), message);
        assertEquals(1, message.lines().count());
    }

    @Test
    void aToolchainComesFirstInPathAndNothingPointsElsewhere() {
        Map<String, String> environment = new HashMap<>(Map.of("PATH", "/usr/bin", "RUSTUP_TOOLCHAIN", "x", "RUSTC", "/other", "RUSTFLAGS", "-g"));
        new Toolchain(Path.of("/t/bin"), "test").apply(environment);
        assertEquals(Map.of("PATH", "/t/bin:/usr/bin"), environment);
    }

    @Test
    void anUnknownArchitectureIsRefusedWithTheKnownOnes() {
        String message = assertThrows(IllegalArgumentException.class, () -> Target.of("vax")).getMessage();
        assertEquals("unknown architecture 'vax': use one of x86_64, aarch64, riscv64", message);
    }
}
