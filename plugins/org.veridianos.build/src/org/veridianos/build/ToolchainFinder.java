package org.veridianos.build;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Finds a toolchain by looking at files alone, in a fraction of a millisecond and without starting rustup, whose proxy
 * may try to download.
 *
 * <p>In this order: the folder that {@code VERIDIAN_RUST} names; a rustup toolchain that has every target (the one that
 * the user chose by {@code RUSTUP_TOOLCHAIN} or as default first); the toolchain that {@code ./veridian} laid out in the
 * user's cache. PATH is not trusted: the first cargo there is often one that lacks the bare-metal targets.
 */
public final class ToolchainFinder {

    private final Map<String, String> environment;

    /** @param environment as of {@link System#getenv()} */
    public ToolchainFinder(Map<String, String> environment) {
        this.environment = Map.copyOf(environment);
    }

    /**
     * The toolchain to use.
     *
     * @throws ToolchainMissingException when none can build for all architectures; the message says what to do
     */
    public Toolchain find() throws ToolchainMissingException {
        List<String> rejected = new ArrayList<>();
        for (Toolchain candidate : candidates()) {
            List<String> missing = missing(candidate);
            if (missing.isEmpty()) {
                return candidate;
            }
            rejected.add(candidate.origin() + " lacks " + String.join(", ", missing));
        }
        throw new ToolchainMissingException(rejected);
    }

    /** What {@code toolchain} lacks: tools or targets. Empty when it can build for every architecture. */
    public static List<String> missing(Toolchain toolchain) {
        List<String> missing = new ArrayList<>();
        for (String tool : List.of("cargo", "rustc")) {
            if (!Files.isExecutable(toolchain.bin().resolve(tool))) {
                missing.add(tool);
            }
        }
        Path rustlib = toolchain.bin().resolveSibling("lib").resolve("rustlib");
        for (String triple : Target.allTriples()) {
            if (!hasCore(rustlib.resolve(triple).resolve("lib"))) {
                missing.add(triple);
            }
        }
        return missing;
    }

    private static boolean hasCore(Path lib) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(lib, "libcore-*.rlib")) {
            return files.iterator().hasNext();
        } catch (IOException absent) {
            return false;
        }
    }

    private List<Toolchain> candidates() {
        List<Toolchain> found = new ArrayList<>();
        variable("VERIDIAN_RUST").ifPresent(bin -> found.add(new Toolchain(bin, "VERIDIAN_RUST=" + bin)));
        Path rustup = variable("RUSTUP_HOME").orElse(home().resolve(".rustup"));
        Path toolchains = rustup.resolve("toolchains");
        List<String> names = new ArrayList<>(list(toolchains));
        String chosen = Optional.ofNullable(environment.get("RUSTUP_TOOLCHAIN")).orElseGet(() -> defaultToolchain(rustup));
        names.sort((a, b) -> Boolean.compare(b.startsWith(chosen), a.startsWith(chosen)));
        for (String name : names) {
            found.add(new Toolchain(toolchains.resolve(name).resolve("bin"), "rustup toolchain " + name));
        }
        Path cache = provisionedRoot();
        for (String name : list(cache)) {
            if (Files.exists(cache.resolve(name).resolve("complete"))) {
                found.add(new Toolchain(cache.resolve(name).resolve("bin"), "toolchain in " + cache.resolve(name)));
            }
        }
        return found;
    }

    /** Where {@code ./veridian} lays toolchains out; each is a folder that holds a file {@code complete} when it is whole. */
    public Path provisionedRoot() {
        return variable("XDG_CACHE_HOME").orElse(home().resolve(".cache")).resolve("veridian").resolve("rust");
    }

    /** Names in a folder, newest spelling first, so that a newer provisioned version wins over an older one. */
    private static List<String> list(Path folder) {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            entries.forEach(e -> names.add(e.getFileName().toString()));
        } catch (IOException absent) {
            return List.of();
        }
        names.sort(java.util.Comparator.reverseOrder());
        return names;
    }

    private static String defaultToolchain(Path rustup) {
        try {
            return Files.readAllLines(rustup.resolve("settings.toml")).stream()
                    .filter(l -> l.startsWith("default_toolchain")).map(l -> l.replaceAll("^[^\"]*\"|\".*$", ""))
                    .findFirst().orElse("stable");
        } catch (IOException noSettings) {
            return "stable";
        }
    }

    private Path home() {
        return variable("HOME").orElseGet(() -> Path.of(System.getProperty("user.home")));
    }

    private Optional<Path> variable(String name) {
        return Optional.ofNullable(environment.get(name)).filter(v -> !v.isBlank()).map(Path::of);
    }
}
