package org.veridianos.ide.ui.tests.bot;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the scheduler did to one thread, so that waiting for a crowded computer can be told from slow work. Linux counts it for
 * each thread ({@code schedstat}: nanoseconds on a CPU, nanoseconds ready to run without one); elsewhere both stay 0, and
 * nothing is taken off a stall.
 *
 * <p>The display server is one thread of another process, for whose answers the UI thread waits inside GTK; how long it had
 * no CPU is counted the same way. It is found by the lock file of a local display. The virtual machine stops the thread
 * for its own work, and so does the watcher for each sample; how long those threads had no CPU is counted too.
 */
final class ThreadClock {

    private static final Pattern OF_THE_VM = Pattern.compile("VM Thread|GC Thread#\\d+|" + UiWatchdog.THREAD);

    private final Path thread;
    private final Path server;
    private final List<Path> vm;

    private ThreadClock(Path thread, Path server, List<Path> vm) {
        this.thread = thread;
        this.server = server;
        this.vm = vm;
    }

    /**
     * A moment in the life of the thread.
     *
     * @param wall nanoseconds of {@link System#nanoTime}
     * @param ran nanoseconds that the thread was on a CPU
     * @param ready nanoseconds that it was ready to run and had none
     * @param serverReady the same of the display server
     * @param vmReady the same of the threads for which the virtual machine stops this one, added up
     */
    record Moment(long wall, long ran, long ready, long serverReady, long vmReady) {

        /** Nanoseconds until a later moment in which the thread neither ran nor wanted to. */
        long stoodStill(Moment later) {
            return later.wall - wall - (later.ran - ran) - (later.ready - ready);
        }
    }

    /** The clock of a thread. */
    static ThreadClock of(Path schedstat) {
        return new ThreadClock(schedstat, serverSchedstat(System.getenv("DISPLAY")), vmSchedstats());
    }

    Moment now() {
        long[] own = read(thread);
        return new Moment(System.nanoTime(), own[0], own[1], read(server)[1], vm.stream().mapToLong(path -> read(path)[1]).sum());
    }

    private static long[] read(Path schedstat) {
        try {
            if (schedstat != null) {
                String[] words = Files.readString(schedstat).strip().split(" ");
                return new long[] {Long.parseLong(words[0]), Long.parseLong(words[1])};
            }
        } catch (IOException | RuntimeException gone) {
            // As without one.
        }
        return new long[2];
    }

    /** Where the system counts for the thread that calls; null where it does not. */
    static Path ofThisThread() {
        try {
            return Path.of("/proc").resolve(Files.readSymbolicLink(Path.of("/proc/thread-self"))).resolve("schedstat");
        } catch (IOException | UnsupportedOperationException elsewhere) {
            return null;
        }
    }

    private static Path serverSchedstat(String display) {
        try {
            String number = display == null ? "" : display.replaceAll("^:|\\.\\d+$", "");
            return Path.of("/proc", Files.readString(Path.of("/tmp/.X" + number + "-lock")).strip(), "schedstat");
        } catch (IOException | RuntimeException elsewhere) {
            return null;
        }
    }

    private static List<Path> vmSchedstats() {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
            return tasks.filter(task -> OF_THE_VM.matcher(name(task)).matches()).map(task -> task.resolve("schedstat")).toList();
        } catch (IOException elsewhere) {
            return List.of();
        }
    }

    private static String name(Path task) {
        try {
            return Files.readString(task.resolve("comm")).strip();
        } catch (IOException ended) {
            return "";
        }
    }
}
