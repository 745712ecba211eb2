package org.veridianos.machine;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;

/**
 * All running machines of this user: one folder each below the runtime directory, which only the user may enter.
 *
 * <p>Whoever looks also tidies up. A session whose QEMU is gone is removed with its RAM files, by its owner as long as that
 * lives, since it still tells how the machine ended; one whose owner is gone, and that was not meant to outlive it, is ended
 * first. Nothing is ended before process id, start time and executable were
 * compared. Creating, changing and tidying happen under one file lock ({@code .lock}), so a folder without
 * {@code session.json} that is seen under the lock is the rest of a creator that died.
 */
public final class Sessions {

    /** Socket addresses end at 107 bytes; the longest name below a session's folder is {@code console.log}. */
    private static final int PATH_LIMIT = 85;

    /** File locks belong to the process, so threads of it need this one first. */
    private static final ReentrantLock IN_PROCESS = new ReentrantLock();

    private final Path root;
    private final List<Path> ramFolders;

    /** The sessions below {@code root}, which is created. */
    public Sessions(Path root, List<Path> ramFolders) {
        this.root = root;
        this.ramFolders = List.copyOf(ramFolders);
    }

    /** The sessions of this user, where {@code environment} (as of {@link System#getenv()}) says. */
    public static Sessions ofUser(Map<String, String> environment) {
        String override = environment.get("VERIDIAN_RUNTIME_DIR");
        Path root = Path.of(override == null || override.isBlank() ? defaultRoot(environment) : override);
        return new Sessions(root, RamFiles.folders(environment));
    }

    private static String defaultRoot(Map<String, String> environment) {
        String runtime = environment.get("XDG_RUNTIME_DIR");
        if (runtime != null && Files.isWritable(Path.of(runtime)) && runtime.length() < PATH_LIMIT - 30) {
            return runtime + "/veridian";
        }
        return "/tmp/veridian-" + user();
    }

    static String user() {
        try {
            return Files.getAttribute(Path.of("/proc/self"), "unix:uid").toString();
        } catch (IOException | UnsupportedOperationException elsewhere) {
            return System.getProperty("user.name");
        }
    }

    /** The folder that holds the sessions. */
    public Path root() {
        return root;
    }

    List<Path> ramFolders() {
        return ramFolders;
    }

    /** All running machines by id, after tidying up. */
    public List<Session> list() throws MachineException {
        return locked(() -> {
            List<Session> running = new ArrayList<>();
            for (Path folder : folders()) {
                tidy(folder).ifPresent(running::add);
            }
            running.sort(Comparator.comparing(Session::id));
            return running;
        });
    }

    /**
     * The running machine called {@code id}; a unique beginning is enough.
     *
     * @throws MachineException when there is none, or several
     */
    public Session get(String id) throws MachineException {
        List<Session> all = list();
        List<Session> fitting = all.stream().filter(s -> s.id().equals(id)).toList();
        if (fitting.isEmpty()) {
            fitting = all.stream().filter(s -> s.id().startsWith(id)).toList();
        }
        if (fitting.size() == 1) {
            return fitting.get(0);
        }
        String names = String.join(", ", all.stream().map(Session::id).toList());
        if (fitting.isEmpty()) {
            throw new MachineException("no running machine is called '" + id + "'" + (all.isEmpty() ? "; none runs" : "; running: " + names));
        }
        throw new MachineException("'" + id + "' is ambiguous: " + String.join(", ", fitting.stream().map(Session::id).toList()));
    }

    /** Registers a machine that is about to be started; {@code content} makes the session of the new folder. */
    Session create(Architecture architecture, SessionMaker content) throws MachineException {
        return locked(() -> {
            for (Path folder : folders()) {
                tidy(folder);
            }
            Path folder = newFolder(architecture);
            try {
                Session session = content.make(folder);
                SessionJson.write(session);
                return session;
            } catch (MachineException | IOException | RuntimeException failed) {
                delete(folder, List.of());
                throw failed;
            }
        });
    }

    /** Changes a session under the lock; empty when it is gone. */
    public Optional<Session> update(Path folder, UnaryOperator<Session> change) throws MachineException {
        return locked(() -> {
            Optional<Session> changed = SessionJson.read(folder).map(change);
            if (changed.isPresent()) {
                SessionJson.write(changed.get());
            }
            return changed;
        });
    }

    /** Ends the machine if it runs and removes every trace of it. */
    public void remove(Session session) throws MachineException {
        locked(() -> {
            SessionJson.read(session.folder()).or(() -> Optional.of(session)).ifPresent(Sessions::end);
            return null;
        });
    }

    /** Bytes of RAM that running machines may still claim on the file system of {@code folder}. Only under the lock. */
    long reserved(Path folder) {
        long sum = 0;
        try {
            for (Path other : folders()) {
                for (RamRange range : SessionJson.read(other).map(Session::ram).orElse(List.of())) {
                    if (Files.exists(range.file()) && Files.getFileStore(range.file()).equals(Files.getFileStore(folder))) {
                        sum += range.length();
                    }
                }
            }
        } catch (IOException vanished) {
            return sum;
        }
        return sum;
    }

    private Optional<Session> tidy(Path folder) throws IOException {
        Optional<Session> read = SessionJson.read(folder);
        if (read.isEmpty()) {
            orphan(folder).ifPresent(ProcessIdentity::kill);
            delete(folder, List.of());
            return Optional.empty();
        }
        Session session = read.get();
        boolean owned = session.owner().isAlive();
        boolean running = session.isRunning();
        if (running && (owned || session.outlivesOwner())) {
            return read;
        }
        if (!owned) {
            end(session);
        }
        return Optional.empty();
    }

    private static void end(Session session) {
        ProcessIdentity qemu = session.qemu().or(() -> orphan(session.folder())).orElse(null);
        if (qemu != null) {
            qemu.kill();
        }
        delete(session.folder(), session.ram());
    }

    /** A QEMU whose owner died between starting it and writing that down: its own pid file names it, its command line proves it. */
    private static Optional<ProcessIdentity> orphan(Path folder) {
        try {
            long pid = Long.parseLong(Files.readString(folder.resolve("qemu.pid")).strip());
            String command = Files.readString(Path.of("/proc", Long.toString(pid), "cmdline"), StandardCharsets.ISO_8859_1);
            return command.contains(folder.resolve("qemu.pid").toString()) ? ProcessIdentity.of(pid) : Optional.empty();
        } catch (IOException | NumberFormatException none) {
            return Optional.empty();
        }
    }

    private static void delete(Path folder, List<RamRange> ram) {
        try {
            for (RamRange range : ram) {
                Files.deleteIfExists(range.file());
            }
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
                for (Path entry : entries) {
                    Files.deleteIfExists(entry);
                }
            }
            Files.deleteIfExists(folder);
        } catch (IOException busy) {
            // Whoever looks next tries again.
        }
    }

    private List<Path> folders() throws IOException {
        List<Path> folders = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(root)) {
            for (Path entry : entries) {
                if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
                    folders.add(entry);
                }
            }
        }
        return folders;
    }

    private Path newFolder(Architecture architecture) throws IOException {
        for (int number = 1;; number++) {
            try {
                return Files.createDirectory(root.resolve(architecture.id() + "-" + number),
                        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } catch (FileAlreadyExistsException taken) {
                continue;
            }
        }
    }

    private void prepareRoot() throws IOException, MachineException {
        if (root.toString().getBytes(StandardCharsets.UTF_8).length > PATH_LIMIT) {
            throw new MachineException(root + " is too long for a socket's address; name a shorter folder in VERIDIAN_RUNTIME_DIR");
        }
        if (!Files.isDirectory(root, LinkOption.NOFOLLOW_LINKS)) {
            Files.createDirectories(root.toAbsolutePath().getParent());
            try {
                Files.createDirectory(root, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } catch (FileAlreadyExistsException raced) {
                // Somebody else of this user made it; the checks below hold for it too.
            }
        }
        boolean mine = Files.getAttribute(root, "unix:uid", LinkOption.NOFOLLOW_LINKS).toString().equals(user());
        if (!mine || !Files.isDirectory(root, LinkOption.NOFOLLOW_LINKS)) {
            throw new MachineException(root + " belongs to somebody else; name another folder in VERIDIAN_RUNTIME_DIR");
        }
        if (!PosixFilePermissions.toString(Files.getPosixFilePermissions(root)).equals("rwx------")) {
            Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwx------"));
        }
    }

    /** Makes a session's content for its folder. */
    @FunctionalInterface
    interface SessionMaker {
        Session make(Path folder) throws MachineException, IOException;
    }

    private interface Work<T> {
        T run() throws IOException, MachineException;
    }

    @SuppressWarnings("try") // The lock is held, not used.
    private <T> T locked(Work<T> work) throws MachineException {
        IN_PROCESS.lock();
        try {
            prepareRoot();
            try (FileChannel channel = FileChannel.open(root.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock lock = channel.lock()) {
                return work.run();
            }
        } catch (IOException refused) {
            throw new MachineException("cannot use the sessions folder " + root + ": " + refused, refused);
        } finally {
            IN_PROCESS.unlock();
        }
    }
}
