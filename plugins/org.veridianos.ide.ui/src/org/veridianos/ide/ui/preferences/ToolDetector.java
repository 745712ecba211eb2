package org.veridianos.ide.ui.preferences;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.eclipse.osgi.util.NLS;
import org.veridianos.build.Target;
import org.veridianos.build.Toolchain;
import org.veridianos.build.ToolchainFinder;
import org.veridianos.build.ToolchainMissingException;
import org.veridianos.ide.Tools;

/** Looks for a tool and asks it for its version. Starts programs, so never on the UI thread. */
final class ToolDetector {

    private static final List<String> GDB_NAMES = List.of("gdb-multiarch", "gdb");
    private static final int TIMEOUT_SECONDS = 10;

    /**
     * What was found.
     *
     * @param place   the folder or program, as the preference holds it; empty when nothing serves
     * @param message for the user: version and place, or what is missing and how to get it
     */
    record Result(Optional<Path> place, String message) {
    }

    private ToolDetector() {
    }

    /** Checks {@code set}, or searches when it is empty. */
    static Result detect(Tools tool, Optional<Path> set) {
        return switch (tool) {
            case RUST -> rust(set);
            case QEMU -> qemu(set);
            case GDB -> gdb(set);
        };
    }

    private static Result rust(Optional<Path> set) {
        if (set.isPresent()) {
            Toolchain toolchain = new Toolchain(set.get(), set.get().toString());
            List<String> missing = ToolchainFinder.missing(toolchain);
            return missing.isEmpty() ? found(set.get(), set.get().resolve("rustc"))
                    : new Result(Optional.empty(), NLS.bind(Messages.Tools_rustLacks, set.get(), String.join(", ", missing)));
        }
        try {
            Map<String, String> environment = new HashMap<>(System.getenv());
            Toolchain toolchain = new ToolchainFinder(environment).find();
            return found(toolchain.bin(), toolchain.bin().resolve("rustc"));
        } catch (ToolchainMissingException missing) {
            return new Result(Optional.empty(), missing.getMessage());
        }
    }

    private static Result qemu(Optional<Path> set) {
        List<Path> folders = set.map(List::of).orElseGet(ToolDetector::path);
        for (Path folder : folders) {
            List<String> missing = new ArrayList<>();
            for (Target target : Target.values()) {
                String name = "qemu-system-" + target.id();
                if (!Files.isExecutable(folder.resolve(name))) {
                    missing.add(name);
                }
            }
            if (missing.isEmpty()) {
                return found(folder, folder.resolve("qemu-system-" + Target.X86_64.id()));
            }
            if (set.isPresent()) {
                return new Result(Optional.empty(), NLS.bind(Messages.Tools_qemuLacks, folder, String.join(", ", missing)));
            }
        }
        return new Result(Optional.empty(), Messages.Tools_noQemu);
    }

    private static Result gdb(Optional<Path> set) {
        if (set.isPresent()) {
            return Files.isExecutable(set.get()) && !Files.isDirectory(set.get()) ? found(set.get(), set.get())
                    : new Result(Optional.empty(), NLS.bind(Messages.Tools_notAProgram, set.get()));
        }
        for (String name : GDB_NAMES) {
            for (Path folder : path()) {
                Path program = folder.resolve(name);
                if (Files.isExecutable(program)) {
                    return found(program, program);
                }
            }
        }
        return new Result(Optional.empty(), Messages.Tools_noGdb);
    }

    private static List<Path> path() {
        String path = System.getenv().getOrDefault("PATH", "/usr/local/bin:/usr/bin:/bin");
        return Arrays.stream(path.split(File.pathSeparator)).filter(p -> !p.isBlank()).map(Path::of).toList();
    }

    private static Result found(Path place, Path program) {
        String version = version(program);
        return version == null ? new Result(Optional.empty(), NLS.bind(Messages.Tools_doesNotRun, program))
                : new Result(Optional.of(place), NLS.bind(Messages.Tools_found, version, place));
    }

    /** The first line that {@code program --version} prints; null when it does not run. */
    private static String version(Path program) {
        try {
            Process process = new ProcessBuilder(program.toString(), "--version").redirectErrorStream(true).start();
            process.getOutputStream().close();
            if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return null;
            }
            String text = new String(process.getInputStream().readNBytes(4096), StandardCharsets.UTF_8);
            return process.exitValue() == 0 ? text.lines().findFirst().orElse("") : null;
        } catch (IOException notStarted) {
            return null;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return null;
        }
    }
}
