package org.veridianos.machine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Looks at the file that {@code -kernel} gets, so that a wrong one is refused in words instead of a silent machine. */
final class KernelFile {

    /** Page tables, per-CPU stacks and the first heap beside image and initrd; the kernel itself checks again. */
    private static final long WORKING_ROOM = 16L << 20;

    private static final int ELF_MAGIC = 0x464c457f;
    private static final int LINUX_IMAGE_MAGIC = 0x644d5241;

    private KernelFile() {
    }

    static void check(MachineConfig config) throws MachineException {
        Path kernel = config.boot();
        if (!Files.isReadable(kernel)) {
            throw new MachineException("no kernel at " + kernel + "; build it first (./veridian build)");
        }
        ByteBuffer head = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        long image;
        try (FileChannel file = FileChannel.open(kernel, StandardOpenOption.READ)) {
            file.read(head);
            image = file.size();
        } catch (IOException unreadable) {
            throw new MachineException("cannot read " + kernel + ": " + unreadable.getMessage(), unreadable);
        }
        checkArchitecture(config, head);
        try {
            if (head.getInt(0) == ELF_MAGIC) {
                image = ElfFile.read(kernel).loadedSize();
            }
            long initrd = config.initrd().isPresent() ? Files.size(config.initrd().get()) : 0;
            long need = image + initrd + WORKING_ROOM;
            if (config.memory() < need) {
                throw new MachineException(Size.mebibytes(config.memory()) + " of RAM are too little for this kernel (image " + Size.mebibytes(image)
                        + ", initrd " + Size.mebibytes(initrd) + "); give the machine 64M or more");
            }
        } catch (IOException unreadable) {
            throw new MachineException(unreadable.getMessage(), unreadable);
        }
    }

    private static void checkArchitecture(MachineConfig config, ByteBuffer head) throws MachineException {
        Architecture wanted = config.profile().architecture();
        Architecture found = null;
        if (head.position() == 64 && head.getInt(0) == ELF_MAGIC) {
            for (Architecture candidate : Architecture.values()) {
                if (candidate.elfMachine() == head.getShort(18)) {
                    found = candidate;
                }
            }
        } else if (head.position() == 64 && head.getInt(56) == LINUX_IMAGE_MAGIC) {
            found = Architecture.AARCH64;
        } else {
            throw new MachineException(config.boot() + " is no kernel: neither an ELF file nor a flat ARM image");
        }
        if (found != wanted) {
            throw new MachineException(config.boot() + " is built for " + (found == null ? "another machine" : found.id()) + ", the machine is " + wanted.id());
        }
    }
}
