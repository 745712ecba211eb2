package org.veridianos.machine;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The words that start QEMU for a configuration and a session.
 *
 * <p>The console socket comes last and makes QEMU wait for its owner, so that not one byte of the guest is lost; by then
 * the other sockets listen.
 */
final class QemuCommand {

    private QemuCommand() {
    }

    static List<String> words(MachineConfig config, Session session, Path qemu) {
        Profile profile = config.profile();
        List<String> words = new ArrayList<>(List.of(qemu.toString(), "-name", "veridian " + session.id(), "-no-user-config", "-nodefaults",
                "-display", "none", "-monitor", "none", "-pidfile", session.pidFile().toString()));
        words.addAll(List.of("-cpu", profile.cpu(), "-smp", Integer.toString(config.cpus()), "-m", Size.format(config.memory())));
        memory(config, session, words);
        profile.bios().ifPresent(bios -> words.addAll(List.of("-bios", bios)));
        words.addAll(List.of("-kernel", config.boot().toString()));
        config.initrd().ifPresent(initrd -> words.addAll(List.of("-initrd", initrd.toString())));
        if (!config.commandLine().isEmpty()) {
            words.addAll(List.of("-append", config.commandLine()));
        }
        words.add("-no-reboot");
        if (config.counting()) {
            words.addAll(List.of("-icount", "shift=0,sleep=off"));
        }
        words.addAll(profile.args());
        sockets(session, words);
        words.addAll(config.extraArgs());
        return words;
    }

    private static void memory(MachineConfig config, Session session, List<String> words) {
        List<Path> files = session.ram().stream().map(RamRange::file).distinct().toList();
        long perNode = config.memory() / config.nodes();
        for (int node = 0; node < files.size(); node++) {
            words.addAll(List.of("-object", "memory-backend-file,id=ram" + node + ",share=on,size=" + perNode + ",mem-path=" + escape(files.get(node))));
        }
        if (config.nodes() == 1) {
            words.addAll(List.of("-machine", config.profile().machine() + ",memory-backend=ram0"));
            return;
        }
        words.addAll(List.of("-machine", config.profile().machine()));
        for (int node = 0; node < config.nodes(); node++) {
            int first = config.cpus() * node / config.nodes();
            int last = config.cpus() * (node + 1) / config.nodes() - 1;
            words.addAll(List.of("-numa", "node,nodeid=" + node + ",memdev=ram" + node + ",cpus=" + first + "-" + last));
        }
        for (int a = 0; a < config.nodes(); a++) {
            for (int b = a + 1; b < config.nodes(); b++) {
                words.addAll(List.of("-numa", "dist,src=" + a + ",dst=" + b + ",val=" + (20 + 10 * (b - a - 1))));
            }
        }
    }

    private static void sockets(Session session, List<String> words) {
        socket(words, "qmp0", session.ownerQmp(), "wait=off");
        words.addAll(List.of("-mon", "chardev=qmp0,mode=control"));
        socket(words, "qmp1", session.visitorQmp(), "wait=off");
        words.addAll(List.of("-mon", "chardev=qmp1,mode=control"));
        socket(words, "gdb0", session.gdbSocket(), "wait=off");
        words.addAll(List.of("-gdb", "chardev:gdb0"));
        socket(words, "console", session.consoleSocket(), "wait=on,logfile=" + escape(session.consoleLog()));
        words.addAll(List.of("-serial", "chardev:console"));
    }

    private static void socket(List<String> words, String id, Path path, String more) {
        words.addAll(List.of("-chardev", "socket,id=" + id + ",path=" + escape(path) + ",server=on," + more));
    }

    /** QEMU reads a doubled comma as one that belongs to the value. */
    private static String escape(Path path) {
        return path.toString().replace(",", ",,");
    }

    /** Finds the profile's QEMU: a path as it is, a name in PATH. */
    static Path find(Profile profile, Map<String, String> environment) throws MachineException {
        if (profile.qemu().contains("/")) {
            Path path = Path.of(profile.qemu());
            return executable(path).orElseThrow(() -> missing(profile));
        }
        for (String folder : environment.getOrDefault("PATH", "").split(File.pathSeparator)) {
            Optional<Path> found = executable(Path.of(folder.isEmpty() ? "." : folder, profile.qemu()));
            if (found.isPresent()) {
                return found.get();
            }
        }
        throw missing(profile);
    }

    private static Optional<Path> executable(Path path) {
        return Files.isRegularFile(path) && Files.isExecutable(path) ? Optional.of(path) : Optional.empty();
    }

    private static MachineException missing(Profile profile) {
        return new MachineException(profile.qemu() + " is not installed; on Debian: apt-get install " + profile.architecture().debianPackage());
    }
}
