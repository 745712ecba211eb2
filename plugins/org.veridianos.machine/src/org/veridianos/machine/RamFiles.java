package org.veridianos.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The shared files that hold a machine's RAM: one per NUMA node, in the first folder that has room for all of them.
 *
 * <p>QEMU allocates pages as the guest touches them and dies by SIGBUS when the file system is full then, so room for the
 * whole is asked for before the start.
 */
final class RamFiles {

    /** Left free beside the RAM, so that a machine does not fill a file system to the brim. */
    private static final long MARGIN = 16L << 20;

    private RamFiles() {
    }

    /** Where RAM files may lie, best first: memory-backed, then the user's cache, whose disk is slower but larger. */
    static List<Path> folders(Map<String, String> environment) {
        String override = environment.get("VERIDIAN_RAM_DIR");
        if (override != null && !override.isBlank()) {
            return List.of(Path.of(override));
        }
        String cache = environment.getOrDefault("XDG_CACHE_HOME", environment.getOrDefault("HOME", System.getProperty("user.home")) + "/.cache");
        return List.of(Path.of("/dev/shm"), Path.of(cache, "veridian", "ram"));
    }

    /**
     * Creates the empty files of a machine; QEMU gives them their size.
     *
     * @param reserved bytes that other machines may still claim on each folder's file system
     * @return the ranges of RAM, by address
     */
    static List<RamRange> create(MachineConfig config, String session, List<Path> folders, java.util.function.ToLongFunction<Path> reserved)
            throws MachineException {
        long perNode = config.memory() / config.nodes();
        if (perNode * config.nodes() != config.memory() || perNode % (1 << 20) != 0) {
            throw new MachineException(Size.format(config.memory()) + " of RAM cannot be divided into " + config.nodes() + " nodes of whole MiB");
        }
        Path folder = roomy(config.memory(), folders, reserved);
        List<Path> files = new ArrayList<>();
        try {
            for (int node = 0; node < config.nodes(); node++) {
                Path file = folder.resolve("veridian-" + Sessions.user() + "-" + session + "-" + ProcessHandle.current().pid() + "-" + node + ".ram");
                Files.deleteIfExists(file);
                files.add(Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))));
            }
        } catch (IOException refused) {
            throw new MachineException("cannot create the RAM file in " + folder + ": " + refused.getMessage(), refused);
        }
        return ranges(config, files, perNode);
    }

    /** Cuts the machine's address ranges at the borders of the nodes. */
    static List<RamRange> ranges(MachineConfig config, List<Path> files, long perNode) {
        List<RamRange> ranges = new ArrayList<>();
        for (Architecture.Piece piece : config.profile().architecture().ramPieces(config.memory())) {
            for (long at = piece.offset(); at < piece.offset() + piece.length();) {
                int node = (int) (at / perNode);
                long length = Math.min((node + 1) * perNode, piece.offset() + piece.length()) - at;
                ranges.add(new RamRange(files.get(node), at - node * perNode, piece.address() + at - piece.offset(), length, node));
                at += length;
            }
        }
        return ranges;
    }

    private static Path roomy(long size, List<Path> folders, java.util.function.ToLongFunction<Path> reserved) throws MachineException {
        StringBuilder tried = new StringBuilder();
        for (Path folder : folders) {
            try {
                Files.createDirectories(folder);
                long free = Files.getFileStore(folder).getUsableSpace() - reserved.applyAsLong(folder);
                if (free >= size + MARGIN) {
                    return folder;
                }
                tried.append(tried.isEmpty() ? "" : ", ").append(Size.mebibytes(Math.max(0, free))).append(" in ").append(folder);
            } catch (IOException unusable) {
                tried.append(tried.isEmpty() ? "" : ", ").append(folder).append(" is not usable");
            }
        }
        throw new MachineException("no room for " + Size.mebibytes(size) + " of guest RAM (free: " + tried
                + "); free some, give the machine less memory, or name a roomier folder in VERIDIAN_RAM_DIR");
    }
}
