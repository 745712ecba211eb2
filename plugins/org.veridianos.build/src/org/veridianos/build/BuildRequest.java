package org.veridianos.build;

import java.nio.file.Path;
import java.util.List;

/**
 * What to build.
 *
 * @param kernel  the kernel workspace (the folder with {@code Cargo.toml} and {@code xtask})
 * @param targets architectures, in order
 * @param release the shipped configuration instead of the checked one
 * @param tests   the test kernels too
 */
public record BuildRequest(Path kernel, List<Target> targets, boolean release, boolean tests) {

    /** Copies the list, so that the request cannot change under a running build. */
    public BuildRequest {
        targets = List.copyOf(targets);
    }

    /** cargo's name of the profile. */
    public String profile() {
        return release ? "release" : "dev";
    }
}
