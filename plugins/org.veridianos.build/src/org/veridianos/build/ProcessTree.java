package org.veridianos.build;

import java.nio.charset.StandardCharsets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A process that can be ended together with everything it started.
 *
 * <p>It leads a session of its own ({@code setsid}), so that a child that was forked while its parent died is still found
 * by its process group. Where there is no {@code setsid}, the tree of descendants is walked until nothing is left.
 */
final class ProcessTree {

    private static final Path SETSID = Path.of("/usr/bin/setsid");

    private final Process process;
    private final boolean leadsGroup;

    private ProcessTree(Process process, boolean leadsGroup) {
        this.process = process;
        this.leadsGroup = leadsGroup;
    }

    /** Starts {@code builder}'s command. */
    static ProcessTree start(ProcessBuilder builder) throws IOException {
        boolean own = Files.isExecutable(SETSID);
        if (own) {
            List<String> command = new ArrayList<>(builder.command());
            command.add(0, SETSID.toString());
            builder.command(command);
        }
        return new ProcessTree(builder.start(), own);
    }

    Process process() {
        return process;
    }

    /** Ends the whole tree and waits up to a second for it to be gone. */
    void kill() {
        Set<ProcessHandle> victims = new HashSet<>();
        for (int round = 0; round < 3; round++) {
            List<ProcessHandle> alive = new ArrayList<>();
            try (Stream<ProcessHandle> children = process.toHandle().descendants()) {
                children.forEach(alive::add);
            }
            victims.addAll(alive);
            for (ProcessHandle victim : victims) {
                try (Stream<ProcessHandle> children = victim.descendants()) {
                    children.forEach(alive::add);
                }
            }
            process.destroyForcibly();
            alive.forEach(ProcessHandle::destroyForcibly);
            victims.addAll(alive);
        }
        if (leadsGroup) {
            killGroup();
        }
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(900);
        while (victims.stream().anyMatch(ProcessTree::runs) && System.nanoTime() < deadline) {
            java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
        }
    }

    /** A zombie has ended; whether somebody collects it (in containers often nobody does) is not ours to wait for. */
    static boolean runs(ProcessHandle handle) {
        try {
            String stat = Files.readString(Path.of("/proc", Long.toString(handle.pid()), "stat"), StandardCharsets.ISO_8859_1);
            return handle.isAlive() && stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
        } catch (IOException goneOrNoProc) {
            return !Files.exists(Path.of("/proc/self")) && handle.isAlive();
        }
    }

    private void killGroup() {
        try {
            new ProcessBuilder("kill", "-KILL", "--", "-" + process.pid()).redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor(500, TimeUnit.MILLISECONDS);
        } catch (IOException noKill) {
            // The descendants were ended one by one above.
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
