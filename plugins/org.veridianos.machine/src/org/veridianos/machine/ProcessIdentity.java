package org.veridianos.machine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A process that cannot be mistaken for another one that got its number later.
 *
 * @param pid        process id
 * @param start      when it started: clock ticks since boot where the kernel tells, else milliseconds
 * @param executable the file it runs
 */
public record ProcessIdentity(long pid, long start, String executable) {

    /** The process with this id as it is now, if there is one. A zombie counts as gone. */
    public static Optional<ProcessIdentity> of(long pid) {
        Path proc = Path.of("/proc", Long.toString(pid));
        if (Files.isDirectory(Path.of("/proc/self"))) {
            try {
                String stat = Files.readString(proc.resolve("stat"), StandardCharsets.ISO_8859_1);
                String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
                if (fields[0].equals("Z") || fields[0].equals("X")) {
                    return Optional.empty();
                }
                return Optional.of(new ProcessIdentity(pid, Long.parseLong(fields[19]), executable(proc)));
            } catch (IOException | IndexOutOfBoundsException | NumberFormatException gone) {
                return Optional.empty();
            }
        }
        return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).map(h -> new ProcessIdentity(pid,
                h.info().startInstant().map(java.time.Instant::toEpochMilli).orElse(0L), h.info().command().orElse("")));
    }

    /** This process. */
    public static ProcessIdentity self() {
        long pid = ProcessHandle.current().pid();
        return of(pid).orElseGet(() -> new ProcessIdentity(pid, 0, ""));
    }

    /** Whether exactly this process still runs. An upgraded package leaves " (deleted)" behind the executable's name. */
    public boolean isAlive() {
        return of(pid).filter(now -> now.start == start && plain(now.executable).equals(plain(executable))).isPresent();
    }

    /** Ends exactly this process at once; does nothing when it is gone. */
    public void kill() {
        if (isAlive()) {
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        }
    }

    private static String executable(Path proc) {
        try {
            return Files.readSymbolicLink(proc.resolve("exe")).toString();
        } catch (IOException denied) {
            return "";
        }
    }

    private static String plain(String executable) {
        return executable.replaceFirst(" \\(deleted\\)$", "");
    }
}
