package org.veridianos.machine;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A QEMU process of this owner with its session.
 *
 * <p>Life: the session is registered, QEMU started, its process written into the session, its console connected. When QEMU
 * ends, for whatever reason, {@link #onExit()} completes; {@link #close()} ends QEMU at once and removes the session with
 * its RAM. An owner that dies without closing leaves a session that {@link Sessions} ends at the next look.
 */
public final class Machine implements AutoCloseable {

    private static final String NO_WORDS = "no message";
    private static final long CONNECT_TIMEOUT = TimeUnit.SECONDS.toNanos(20);

    private final Sessions sessions;
    private final Session session;
    private final ProcessHandle process;
    private final CompletableFuture<Integer> exit;
    private final SocketChannel console;
    private final Qmp monitor;
    private final Thread hook;

    private Machine(Sessions sessions, Session session, ProcessHandle process, CompletableFuture<Integer> exit, SocketChannel console, Qmp monitor,
            Thread hook) {
        this.sessions = sessions;
        this.session = session;
        this.process = process;
        this.exit = exit;
        this.console = console;
        this.monitor = monitor;
        this.hook = hook;
    }

    /**
     * Who starts a machine.
     *
     * @param kind     {@code ide}, {@code cli} or {@code test}
     * @param outlives whether the machine goes on when this process is gone
     * @param project  the kernel's folder, for people
     */
    public record Owner(String kind, boolean outlives, String project) {
    }

    /**
     * Starts a machine and connects its console.
     *
     * @param environment as of {@link System#getenv()}; where QEMU is looked for
     * @throws MachineException one clear line, with QEMU's own words where it has some
     */
    public static Machine start(MachineConfig config, Sessions sessions, Owner owner, Map<String, String> environment) throws MachineException {
        config.check();
        Path qemu = QemuCommand.find(config.profile(), environment);
        Session session = sessions.create(config.profile().architecture(), folder -> new Session(folder, Instant.now(), ProcessIdentity.self(),
                owner.kind(), Optional.empty(), owner.outlives(), config.profile().architecture(), config.profile().id(), owner.project(), config.elf(),
                config.cpus(), config.memory(), RamFiles.create(config, folder.getFileName().toString(), sessions.ramFolders(), sessions::reserved),
                Optional.empty()));
        Process process = null;
        Thread hook = null;
        try {
            process = new ProcessBuilder(QemuCommand.words(config, session, qemu))
                    .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectErrorStream(true).redirectOutput(session.qemuLog().toFile()).start();
            ProcessIdentity identity = ProcessIdentity.of(process.pid()).orElse(new ProcessIdentity(process.pid(), 0, qemu.toString()));
            Session running = sessions.update(session.folder(), s -> s.withQemu(identity)).orElse(session.withQemu(identity));
            hook = owner.outlives() ? null : hook(sessions, running, process);
            SocketChannel console = connect(running, process, config.profile());
            Qmp monitor = monitor(running, process, config.profile());
            settle(sessions, running, process);
            return new Machine(sessions, running, process.toHandle(), process.onExit().thenApply(Process::exitValue), console, monitor, hook);
        } catch (IOException | MachineException | RuntimeException failed) {
            if (process != null) {
                process.destroyForcibly();
            }
            remove(hook);
            sessions.remove(session);
            throw failed instanceof MachineException clear ? clear
                    : new MachineException("cannot start " + qemu + ": " + failed.getMessage(), failed);
        }
    }

    /**
     * Takes over a machine that outlived its owner. What it printed before is in its console log; its exit status stays unknown
     * (it counts as 0), because it is no child of this process.
     *
     * @param kind as in {@link Owner}
     * @throws MachineException when it has ended, or somebody else owns it
     */
    public static Machine attach(Session session, Sessions sessions, String kind) throws MachineException {
        ProcessIdentity self = ProcessIdentity.self();
        Session mine = sessions.update(session.folder(), s -> s.owner().isAlive() ? s : s.withOwner(self, kind))
                .filter(s -> s.owner().equals(self) && s.isRunning())
                .orElseThrow(() -> new MachineException("machine " + session.id() + " has ended or belongs to another process"));
        ProcessHandle qemu = ProcessHandle.of(mine.qemu().orElseThrow().pid())
                .orElseThrow(() -> new MachineException("machine " + session.id() + " has ended"));
        try {
            Qmp monitor = Qmp.connect(mine.ownerQmp());
            SocketChannel console = SocketChannel.open(UnixDomainSocketAddress.of(mine.consoleSocket()));
            return new Machine(sessions, mine, qemu, qemu.onExit().thenApply(ended -> 0), console, monitor, null);
        } catch (IOException refused) {
            throw new MachineException("the console of machine " + session.id() + " cannot be reached: " + refused.getMessage(), refused);
        }
    }

    /** The process may still have been the launcher's copy when it was first looked at; its executable is QEMU by now. */
    private static void settle(Sessions sessions, Session session, Process process) throws MachineException {
        Optional<ProcessIdentity> now = ProcessIdentity.of(process.pid());
        if (now.isPresent() && !now.equals(session.qemu())) {
            sessions.update(session.folder(), s -> s.withQemu(now.get()));
        }
    }

    private static Thread hook(Sessions sessions, Session session, Process process) {
        Thread hook = new Thread(() -> {
            process.destroyForcibly();
            try {
                sessions.remove(session);
            } catch (MachineException leftover) {
                // The next look at the sessions removes it.
            }
        }, "end " + session.id());
        Runtime.getRuntime().addShutdownHook(hook);
        return hook;
    }

    private static void remove(Thread hook) {
        if (hook == null) {
            return;
        }
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            // The hook runs already.
        }
    }

    private static SocketChannel connect(Session session, Process process, Profile profile) throws IOException, MachineException {
        long deadline = System.nanoTime() + CONNECT_TIMEOUT;
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(session.consoleSocket());
        while (System.nanoTime() < deadline) {
            if (Files.exists(session.consoleSocket())) {
                SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
                try {
                    channel.connect(address);
                    return channel;
                } catch (IOException notListeningYet) {
                    channel.close();
                }
            }
            try {
                if (process.waitFor(1, TimeUnit.MILLISECONDS)) {
                    throw new MachineException(profile.qemu() + " refused to start: " + words(session));
                }
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                throw new MachineException("interrupted while " + profile.qemu() + " started", interrupted);
            }
        }
        throw new MachineException(profile.qemu() + " does not open its console: " + words(session));
    }

    /**
     * QEMU opens the console early and greets its monitor when everything else is up, so an answer here means that no argument was
     * refused and that the RAM files have their size. A machine that is done already by then has no monitor to talk to.
     */
    private static Qmp monitor(Session session, Process process, Profile profile) throws MachineException {
        try {
            return Qmp.connect(session.ownerQmp());
        } catch (MachineException silent) {
            try {
                process.waitFor(5, TimeUnit.SECONDS);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            if (process.isAlive() || process.exitValue() == 1 && !words(session).equals(NO_WORDS)) {
                throw new MachineException(profile.qemu() + " refused to start: " + words(session), silent);
            }
            return null;
        }
    }

    /** What QEMU said, in one line. */
    private static String words(Session session) {
        try {
            String text = Files.readString(session.qemuLog(), StandardCharsets.UTF_8);
            String joined = String.join("; ", text.lines().map(String::strip).filter(l -> !l.isEmpty() && !l.contains("info: QEMU waiting for connection"))
                    .map(l -> l.replaceFirst("^qemu-system-[a-z0-9_]+: ", "")).toList());
            return joined.isEmpty() ? NO_WORDS : joined;
        } catch (IOException unreadable) {
            return NO_WORDS;
        }
    }

    /** The session as it was registered. */
    public Session session() {
        return session;
    }

    /** The guest's serial line: what the guest prints comes out, what is written the guest reads. */
    public SocketChannel console() {
        return console;
    }

    /** The owner's monitor connection; closed with the machine. */
    public Qmp qmp() throws MachineException {
        if (monitor == null) {
            throw new MachineException("the machine has ended");
        }
        return monitor;
    }

    /** Completes with QEMU's exit status when it has ended. */
    public CompletableFuture<Integer> onExit() {
        return exit;
    }

    /** Whether QEMU runs. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /** Why QEMU is gone, for a machine whose guest printed no exit line. */
    public String causeOfDeath() {
        int status = exit.getNow(0);
        String words = words(session);
        if (status > 128) {
            return "QEMU was ended by signal " + (status - 128) + (words.equals(NO_WORDS) ? "" : ": " + words);
        }
        return words.equals(NO_WORDS) ? "the guest reset or powered off without an exit line (QEMU's status " + status + ")" : "QEMU ended: " + words;
    }

    /** Waits for QEMU to end. */
    public boolean waitFor(long time, TimeUnit unit) throws InterruptedException {
        try {
            exit.get(time, unit);
            return true;
        } catch (TimeoutException running) {
            return false;
        } catch (ExecutionException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Ends QEMU at once; the session stays until {@link #close()}. */
    public void kill() {
        process.destroyForcibly();
    }

    /** Ends QEMU at once and removes the session. */
    @Override
    public void close() throws MachineException {
        process.destroyForcibly();
        if (monitor != null) {
            monitor.close();
        }
        try {
            console.close();
            waitFor(5, TimeUnit.SECONDS);
        } catch (IOException closed) {
            // Nothing is left to close.
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        remove(hook);
        sessions.remove(session);
    }

    /**
     * Closes the console and the monitor and leaves the machine, which is meant to outlive its owner, running; {@link #close()} is not to
     * be called any more.
     */
    public void detach() {
        if (monitor != null) {
            monitor.close();
        }
        try {
            console.close();
        } catch (IOException closed) {
            // Nothing is left to close.
        }
        remove(hook);
    }

    /** All words of QEMU's command line, for people. */
    public static List<String> commandLine(MachineConfig config, Session session, Map<String, String> environment) throws MachineException {
        return QemuCommand.words(config, session, QemuCommand.find(config.profile(), environment));
    }
}
