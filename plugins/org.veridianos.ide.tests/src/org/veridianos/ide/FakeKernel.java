package org.veridianos.ide;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.IWorkspaceDescription;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.jobs.Job;
import org.veridianos.build.Target;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.project.OpenCheckout;
import org.veridianos.ide.project.Trust;

/**
 * A kernel folder whose "cargo" is a shell script, so that a test decides what the build says. The script runs in the
 * kernel's folder with {@code $arch} set and notes each start in {@code runs}.
 */
public final class FakeKernel implements AutoCloseable {

    private final Path root;
    private KernelProject project;

    /** Lays the kernel out below {@code temporary}; automatic builds are off so that a test's own builds are the only ones. */
    public FakeKernel(Path temporary) throws Exception {
        root = temporary.resolve("checkout ä").toAbsolutePath();
        Files.createDirectories(kernel().resolve("src"));
        Files.createDirectories(kernel().resolve("xtask"));
        Files.writeString(kernel().resolve("Cargo.toml"), "[package]\nname = \"fake\"\n");
        Files.writeString(kernel().resolve("src/main.rs"), "fn main() {\n    let ä = \"𝄞\"; let unused = 1;\n}\n");
        Path bin = Files.createDirectories(root.resolve("rust/bin"));
        for (String triple : Target.allTriples()) {
            Path lib = Files.createDirectories(root.resolve("rust/lib/rustlib").resolve(triple).resolve("lib"));
            Files.writeString(lib.resolve("libcore-1.rlib"), "");
        }
        executable(bin.resolve("rustc"), "exit 0\n");
        cargo("");
        Tools.RUST.prefer(bin);
        autoBuild(false);
    }

    /** The checkout's folder. */
    public Path root() {
        return root;
    }

    /** The kernel workspace. */
    public Path kernel() {
        return root.resolve("kernel");
    }

    /** What cargo does from now on. */
    public void cargo(String script) throws IOException {
        executable(root.resolve("rust/bin/cargo"), "arch=$4\necho \"$arch\" >> '" + runsFile() + "'\n" + script + "\n");
    }

    /** The architectures that cargo was started for, in order. */
    public List<String> runs() throws IOException {
        return Files.exists(runsFile()) ? Files.readAllLines(runsFile()) : List.of();
    }

    /** Opens the kernel as a trusted project. */
    public KernelProject open() throws CoreException {
        Trust.trust(kernel());
        return openUntrusted();
    }

    /** Opens the kernel without a word about trust. */
    public KernelProject openUntrusted() throws CoreException {
        project = new OpenCheckout(root).execute(null);
        return project;
    }

    /** A compiler message about {@code src/main.rs}, as one line of a shell script. */
    public static String message(String level, String text, String code, int line, int column, int endColumn) {
        return ("printf '%s\\n' '{\"reason\":\"compiler-message\",\"manifest_path\":\"Cargo.toml\",\"message\":{\"level\":\"" + level
                + "\",\"message\":\"" + text + "\",\"code\":{\"code\":\"" + code + "\"},\"rendered\":\"" + level + ": " + text
                + "\",\"spans\":[{\"is_primary\":true,\"file_name\":\"src/main.rs\",\"line_start\":" + line + ",\"line_end\":" + line
                + ",\"column_start\":" + column + ",\"column_end\":" + endColumn + "}]}}'\n");
    }

    /** Switches <i>Build Automatically</i>. */
    public static void autoBuild(boolean on) throws CoreException {
        IWorkspaceDescription description = ResourcesPlugin.getWorkspace().getDescription();
        description.setAutoBuilding(on);
        ResourcesPlugin.getWorkspace().setDescription(description);
    }

    /** Waits for every build that is under way or scheduled. */
    public static void joinBuilds() throws InterruptedException {
        Job.getJobManager().join(JobFamilies.BUILD, null);
        Job.getJobManager().join(ResourcesPlugin.FAMILY_AUTO_BUILD, null);
        Job.getJobManager().join(ResourcesPlugin.FAMILY_AUTO_REFRESH, null);
    }

    private Path runsFile() {
        return root.resolve("runs");
    }

    private static void executable(Path file, String script) throws IOException {
        Files.writeString(file, "#!/bin/sh\n" + script);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    @Override
    public void close() throws Exception {
        autoBuild(false);
        joinBuilds();
        for (IProject each : ResourcesPlugin.getWorkspace().getRoot().getProjects()) {
            each.delete(false, true, null);
        }
        Tools.RUST.prefer(null);
    }
}
