package org.veridianos.cli;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.veridianos.build.Toolchain;
import org.veridianos.build.ToolchainFinder;
import org.veridianos.build.ToolchainMissingException;
import org.veridianos.machine.Architecture;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profile;

/** {@code ./veridian doctor}: what is installed, what is missing, how to get it. */
final class DoctorCommand implements Command {

    /** A tool by its command: what it is for, and the Debian package that brings it. */
    private record Tool(String command, String purpose, String debianPackage, boolean needed) {
    }

    private static final List<Tool> TOOLS = List.of(
            new Tool("cc", "links the kernel's build tool", "gcc", true),
            new Tool("git", "lists the tracked sources", "git", true),
            new Tool("gdb-multiarch", "debugs the kernel", "gdb-multiarch", false),
            new Tool("Xvfb", "the virtual screen of --headless and of the workbench tests", "xvfb", false),
            new Tool("openbox", "the window manager on the virtual screen", "openbox", false));

    @Override
    public String name() {
        return "doctor";
    }

    @Override
    public String help() {
        return """
                Usage: ./veridian doctor

                Says which of the tools that Veridian Studio needs are found, which are missing, and how to get those.
                Status 0 when building and booting will work.
                """;
    }

    @Override
    public int run(Context context, List<String> args) throws Failure, MachineException, InterruptedException {
        Options.parse(args, Set.of(), Set.of()).words(0);
        boolean complete = true;
        report(context, true, "java", Runtime.version() + " in " + System.getProperty("java.home"));
        report(context, true, "maven", System.getProperty("veridian.maven", "fetched when 'studio' or 'test' first needs it"));
        complete &= rust(context);
        for (Architecture architecture : Architecture.values()) {
            Profile profile = context.profiles().of(architecture);
            complete &= tool(context, new Tool(profile.qemu(), "runs the kernel for " + architecture.id(), architecture.debianPackage(), true), true);
        }
        for (Tool tool : TOOLS) {
            complete &= tool(context, tool, false) || !tool.needed;
        }
        report(context, true, "sessions", context.sessions().root().toString());
        if (!complete) {
            throw new Failure("something that is needed is missing; see the lines marked with - above");
        }
        return 0;
    }

    private static boolean rust(Context context) {
        ToolchainFinder finder = new ToolchainFinder(context.environment());
        try {
            Toolchain toolchain = finder.find();
            report(context, true, "rust", toolchain.origin() + version(toolchain.bin().resolve("rustc")).map(v -> ": " + v).orElse(""));
            return true;
        } catch (ToolchainMissingException missing) {
            missing.rejected().forEach(line -> report(context, false, "rust", line));
            report(context, false, "rust", missing.getMessage());
            return false;
        }
    }

    private static boolean tool(Context context, Tool tool, boolean version) {
        Optional<Path> found = find(context, tool.command);
        if (found.isPresent()) {
            report(context, true, tool.command, found.get() + (version ? version(found.get()).map(v -> ": " + v).orElse("") : ""));
            return true;
        }
        report(context, false, tool.command, "missing, " + tool.purpose + "; apt-get install " + tool.debianPackage);
        return false;
    }

    private static void report(Context context, boolean found, String what, String text) {
        context.out().printf("%s %-20s %s%n", found ? "+" : "-", what, text);
    }

    private static Optional<Path> find(Context context, String command) {
        for (String folder : context.environment().getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path candidate = Path.of(folder.isEmpty() ? "." : folder, command);
            if (Files.isRegularFile(candidate) && Files.isExecutable(candidate)) {
                return Optional.of(candidate);
            }
        }
        return Optional.empty();
    }

    static Optional<String> version(Path tool) {
        try {
            Process process = new ProcessBuilder(tool.toString(), "--version").redirectErrorStream(true).start();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor(10, TimeUnit.SECONDS) ? text.lines().findFirst() : Optional.empty();
        } catch (IOException broken) {
            return Optional.of("does not start: " + broken.getMessage());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }
}
