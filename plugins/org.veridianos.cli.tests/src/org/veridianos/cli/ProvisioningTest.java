package org.veridianos.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the shell side finds out about a system before it installs anything, asked of made-up systems. */
class ProvisioningTest {

    @TempDir
    Path folder;

    /** Answers before the system's own programs. */
    private Path tools;

    @BeforeEach
    void tools() throws IOException {
        tools = Files.createDirectory(folder.resolve("tools"));
    }

    @ParameterizedTest
    @CsvSource({ "25.0.1+8-1, 0", "(none), 1", "'', 1" })
    void anOfferedJdkIsOneWithACandidate(String candidate, int status) throws Exception {
        // A long answer, of which the reader takes only the beginning: its writer must not fail for that.
        tool("apt-cache", "echo \"$2:\"; echo '  Candidate: " + candidate + "'; seq 100000");
        assertEquals(status, run("jdk_candidate openjdk-25-jdk-headless").status());
    }

    @Test
    void withoutAptNoJdkIsOffered() throws Exception {
        tool("apt-cache", "exit 100");
        assertEquals(1, run("jdk_candidate openjdk-25-jdk-headless").status());
    }

    @ParameterizedTest
    @CsvSource({ "3.9.11, true, 0", "3.9.9, true, 0", "3.10.0, true, 0", "3.9.8, true, 1", "3.8.7, true, 1", "4.0.0, true, 1", "3.9.11, false, 1" })
    void mavenIsTakenWhenItIsNewEnoughAndWhole(String version, boolean whole, int status) throws Exception {
        Path home = Files.createDirectories(folder.resolve("maven/lib")).getParent();
        if (whole) {
            Files.createFile(home.resolve("lib/org.eclipse.sisu.inject-0.9.0.jar"));
        }
        tool("some-maven", "echo 'Apache Maven " + version + " (abcdef)'; echo 'Maven home: " + home + "'");
        assertEquals(status, run("maven_accepted some-maven").status());
    }

    @Test
    void aMavenThatDoesNotRunIsNotTaken() throws Exception {
        tool("some-maven", "exit 1");
        assertEquals(1, run("maven_accepted some-maven").status());
    }

    @Test
    void aRenamedPackageCountsAsInstalled() throws Exception {
        tool("dpkg-query", "case $4 in libgtk-3-0t64 | git) echo 'ii ' ;; half) echo 'iU ' ;; *) exit 1 ;; esac");
        assertEquals(0, run("package_installed libgtk-3-0").status());
        assertEquals(0, run("package_installed git").status());
        assertEquals(1, run("package_installed half").status());
        assertEquals(1, run("package_installed gcc").status());
    }

    @Test
    void whoMayNotInstallIsToldTheCommand() throws Exception {
        tool("dpkg-query", "exit 1");
        tool("id", "echo 1000");
        tool("sudo", "exit 1");
        Veridian.Result result = run("need_packages 'this test' one two </dev/null");
        assertEquals(1, result.status());
        assertTrue(result.message().contains("run as root: apt-get update && apt-get install -y --no-install-recommends one two"), result.text());
    }

    private void tool(String name, String body) throws IOException {
        Path file = Files.writeString(tools.resolve(name), "#!/usr/bin/env bash\n" + body + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** Runs functions of {@code tools/lib} as {@code ./veridian} does, with its strictness. */
    private Veridian.Result run(String commands) throws IOException, InterruptedException {
        Path lib = Veridian.SCRIPT.resolveSibling("tools").resolve("lib");
        String script = "set -euo pipefail\nfor part in \"$1\"/*.sh; do source \"$part\"; done\n" + commands;
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        ProcessBuilder builder = new ProcessBuilder(List.of("bash", "-c", script, "test", lib.toString()))
                .redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().put("PATH", tools + ":" + System.getenv("PATH"));
        builder.environment().put("XDG_CACHE_HOME", folder.toString());
        int status = builder.start().waitFor();
        return new Veridian.Result(status, Files.readString(out), Files.readString(err));
    }
}
