package org.veridianos.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What owners that were killed leave behind, and that nobody else is harmed when it is tidied up. */
@Timeout(60)
class OrphanTest {

    @TempDir
    Path folder;

    private Path ram;
    private Sessions sessions;
    private Process stranger;

    /** A process of its own that starts a machine and then hangs until it is killed. */
    public static final class Owner {
        private Owner() {
        }

        /** {@code Owner SESSIONS RAM KERNEL OUTLIVES}. */
        public static void main(String[] args) throws Exception {
            Machine.start(TinyGuest.config(Path.of(args[2])), new Sessions(Path.of(args[0]), List.of(Path.of(args[1]))),
                    new Machine.Owner("test", Boolean.parseBoolean(args[3]), ""), System.getenv());
            System.out.println("started");
            Thread.sleep(60_000);
        }
    }

    @BeforeEach
    void sessions() throws IOException {
        ram = Files.createDirectory(folder.resolve("ram"));
        sessions = new Sessions(folder.resolve("s"), List.of(ram));
        stranger = new ProcessBuilder("sleep", "100").start();
    }

    @AfterEach
    void end() {
        stranger.destroyForcibly();
    }

    private Process owner(boolean outlives) throws IOException {
        Process owner = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", classPath(),
                "-XX:TieredStopAtLevel=1", Owner.class.getName(), sessions.root().toString(), ram.toString(), TinyGuest.counting(folder, "").toString(),
                Boolean.toString(outlives)).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        assertEquals("started", owner.inputReader().readLine());
        return owner;
    }

    /** The launcher of the tests has a class loader of its own, so {@code java.class.path} does not tell. */
    private static String classPath() {
        return Stream.of(Owner.class, Machine.class, com.google.gson.JsonObject.class)
                .map(c -> c.getProtectionDomain().getCodeSource().getLocation().getPath()).collect(java.util.stream.Collectors.joining(java.io.File.pathSeparator));
    }

    private List<Path> left() throws IOException {
        try (Stream<Path> files = Stream.concat(Files.list(ram), Files.list(sessions.root()))) {
            return files.filter(f -> !f.endsWith(".lock")).toList();
        }
    }

    private void assertGone(ProcessIdentity process) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (process.isAlive() && System.nanoTime() < deadline) {
            Thread.sleep(5);
        }
        assertFalse(process.isAlive());
    }

    @Test
    void theMachineOfAKilledOwnerIsEndedAtTheNextLook() throws Exception {
        Process owner = owner(false);
        ProcessIdentity qemu = sessions.list().get(0).qemu().orElseThrow();
        owner.destroyForcibly().waitFor();
        assertTrue(qemu.isAlive());
        assertEquals(List.of(), sessions.list());
        assertGone(qemu);
        assertEquals(List.of(), left());
    }

    @Test
    void aMachineThatIsMeantToOutliveItsOwnerDoes() throws Exception {
        Process owner = owner(true);
        owner.destroyForcibly().waitFor();
        Session session = sessions.list().get(0);
        assertTrue(session.isRunning());
        sessions.remove(session);
        assertGone(session.qemu().orElseThrow());
        assertEquals(List.of(), left());
    }

    @Test
    void anOwnerThatEndsInOrderLeavesNothing() throws Exception {
        Process owner = owner(false);
        ProcessIdentity qemu = sessions.list().get(0).qemu().orElseThrow();
        owner.destroy();
        owner.waitFor();
        assertGone(qemu);
        assertEquals(List.of(), left());
    }

    @Test
    void anOwnerKilledBeforeItWroteQemusNumberLeavesNothingEither() throws Exception {
        Process owner = owner(false);
        Session session = sessions.list().get(0);
        ProcessIdentity qemu = session.qemu().orElseThrow();
        owner.destroyForcibly().waitFor();
        SessionJson.write(new Session(session.folder(), session.created(), session.owner(), "test", Optional.empty(), false, session.architecture(),
                session.profile(), "", session.elf(), 1, session.memory(), session.ram(), Optional.empty()));
        assertEquals(List.of(), sessions.list());
        assertGone(qemu);
        assertEquals(List.of(), left());
    }

    private Session session(Path sessionFolder, ProcessIdentity owner, Optional<ProcessIdentity> qemu) {
        return new Session(sessionFolder, Instant.EPOCH, owner, "test", qemu, false, Architecture.X86_64, "x86_64", "", Path.of("/k"), 1, 64 << 20, List.of(),
                Optional.empty());
    }

    private void write(ProcessIdentity owner, Optional<ProcessIdentity> qemu) throws IOException, MachineException {
        sessions.list();
        SessionJson.write(session(Files.createDirectory(sessions.root().resolve("x86_64-9")), owner, qemu));
    }

    private static ProcessIdentity dead() {
        return new ProcessIdentity(1, 1, "/no/such/owner");
    }

    @Test
    void aProcessThatGotTheNumberLaterIsNotEnded() throws Exception {
        ProcessIdentity now = ProcessIdentity.of(stranger.pid()).orElseThrow();
        for (ProcessIdentity other : List.of(new ProcessIdentity(now.pid(), now.start() - 1, now.executable()),
                new ProcessIdentity(now.pid(), now.start(), "/usr/bin/qemu-system-x86_64"))) {
            write(dead(), Optional.of(other));
            assertEquals(List.of(), sessions.list());
            assertEquals(List.of(), left());
            assertTrue(stranger.isAlive());
        }
    }

    @Test
    void exactlyTheProcessIsEnded() throws Exception {
        write(dead(), ProcessIdentity.of(stranger.pid()));
        sessions.list();
        assertTrue(stranger.waitFor(5, TimeUnit.SECONDS));
    }

    @Test
    void aForeignPidFileProvesNothing() throws Exception {
        write(dead(), Optional.empty());
        Files.writeString(sessions.root().resolve("x86_64-9/qemu.pid"), Long.toString(stranger.pid()));
        assertEquals(List.of(), sessions.list());
        assertTrue(stranger.isAlive());
        assertEquals(List.of(), left());
    }

    @Test
    void aSessionThatIsBeingStartedIsLeftAlone() throws Exception {
        write(ProcessIdentity.self(), Optional.empty());
        assertEquals(List.of(), sessions.list());
        assertTrue(Files.exists(sessions.root().resolve("x86_64-9/session.json")));
    }

    @Test
    void restsWithoutOrWithDamagedDescriptionAreRemoved() throws Exception {
        sessions.list();
        Files.createDirectory(sessions.root().resolve("x86_64-1"));
        Files.writeString(Files.createDirectory(sessions.root().resolve("x86_64-2")).resolve("session.json"), "{ \"schema\": 1, \"id\":");
        Files.writeString(Files.createDirectory(sessions.root().resolve("x86_64-3")).resolve("session.json"), "{ \"schema\": 1 }");
        assertEquals(List.of(), sessions.list());
        assertEquals(List.of(), left());
    }

    @Test
    void theFolderIsTheUsersAlone() throws Exception {
        sessions.list();
        assertEquals("rwx------", java.nio.file.attribute.PosixFilePermissions.toString(Files.getPosixFilePermissions(sessions.root())));
    }

    @Test
    void aDescriptionSurvivesWritingAndReading() throws Exception {
        sessions.list();
        Path sessionFolder = Files.createDirectory(sessions.root().resolve("x86_64-9"));
        Session full = new Session(sessionFolder, Instant.ofEpochSecond(1_700_000_000), ProcessIdentity.self(), "ide", Optional.of(dead()), true,
                Architecture.AARCH64, "aarch64-max", "/pröject with, comma", Path.of("/k"), 4, 1L << 32,
                List.of(new RamRange(Path.of("/r"), 1, 2, 3, 4)), Optional.of(dead()));
        SessionJson.write(full);
        assertEquals(Optional.of(full), SessionJson.read(sessionFolder));
    }
}
