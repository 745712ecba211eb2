package org.veridianos.build;

import java.io.File;
import java.nio.file.Path;
import java.util.Map;

/**
 * A Rust toolchain that can build the kernel.
 *
 * @param bin    the folder that holds {@code cargo} and {@code rustc}
 * @param origin where it comes from, for people
 */
public record Toolchain(Path bin, String origin) {

    /** The cargo to start. */
    public Path cargo() {
        return bin.resolve("cargo");
    }

    /**
     * Makes a process use this toolchain: its folder comes first in PATH, and nothing that points cargo elsewhere stays.
     *
     * <p>RUSTUP_TOOLCHAIN is removed because cargo is started directly, not through rustup's proxy; RUSTC and friends
     * because they would win over PATH.
     */
    public void apply(Map<String, String> environment) {
        String path = environment.getOrDefault("PATH", "/usr/local/bin:/usr/bin:/bin");
        environment.put("PATH", bin + File.pathSeparator + path);
        environment.keySet().removeAll(java.util.List.of("RUSTUP_TOOLCHAIN", "RUSTC", "RUSTDOC", "CARGO", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"));
    }
}
