package org.veridianos.machine;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A running machine as everybody may know it: the content of {@code session.json}.
 *
 * @param folder        the session's folder; its name is the session's id
 * @param created       when it was started
 * @param owner         who started it
 * @param ownerKind     {@code ide}, {@code cli} or {@code test}
 * @param qemu          QEMU's process; empty for the moment before it is started
 * @param outlivesOwner whether it goes on when its owner is gone
 * @param architecture  what is emulated
 * @param profile       id of the profile
 * @param project       the kernel's folder, for people
 * @param elf           the kernel with symbols
 * @param cpus          CPUs
 * @param memory        RAM in bytes
 * @param ram           where the RAM lies
 * @param gdbHolder     who is connected to the gdb socket
 */
public record Session(Path folder, Instant created, ProcessIdentity owner, String ownerKind, Optional<ProcessIdentity> qemu, boolean outlivesOwner,
        Architecture architecture, String profile, String project, Path elf, int cpus, long memory, List<RamRange> ram,
        Optional<ProcessIdentity> gdbHolder) {

    /** Version of the file's format. */
    public static final int SCHEMA = 1;

    /** Copies the list. */
    public Session {
        ram = List.copyOf(ram);
    }

    /** What people call it. */
    public String id() {
        return folder.getFileName().toString();
    }

    /** The QMP socket of the owner, who stays connected. */
    public Path ownerQmp() {
        return folder.resolve("qmp");
    }

    /** The QMP socket for visitors, who connect per command. */
    public Path visitorQmp() {
        return folder.resolve("qmp-visit");
    }

    /** The guest's serial line. */
    public Path consoleSocket() {
        return folder.resolve("console");
    }

    /** Everything the guest printed. */
    public Path consoleLog() {
        return folder.resolve("console.log");
    }

    /** QEMU's gdb stub. */
    public Path gdbSocket() {
        return folder.resolve("gdb");
    }

    /** QEMU's own words. */
    public Path qemuLog() {
        return folder.resolve("qemu.log");
    }

    /** QEMU writes its process id here, before the owner can. */
    public Path pidFile() {
        return folder.resolve("qemu.pid");
    }

    /** Whether QEMU runs. */
    public boolean isRunning() {
        return qemu.isPresent() && qemu.get().isAlive();
    }

    /** The content of {@code session.json}. */
    public com.google.gson.JsonObject toJson() {
        return SessionJson.toJson(this);
    }

    /** The same with QEMU's process. */
    public Session withQemu(ProcessIdentity process) {
        return new Session(folder, created, owner, ownerKind, Optional.of(process), outlivesOwner, architecture, profile, project, elf, cpus, memory, ram,
                gdbHolder);
    }

    /** The same with another holder of the debug stub. */
    public Session withGdbHolder(Optional<ProcessIdentity> holder) {
        return new Session(folder, created, owner, ownerKind, qemu, outlivesOwner, architecture, profile, project, elf, cpus, memory, ram, holder);
    }

    /** The same with another owner: an IDE that takes over a machine which outlived its first one. */
    public Session withOwner(ProcessIdentity process, String kind) {
        return new Session(folder, created, process, kind, qemu, outlivesOwner, architecture, profile, project, elf, cpus, memory, ram, gdbHolder);
    }
}
