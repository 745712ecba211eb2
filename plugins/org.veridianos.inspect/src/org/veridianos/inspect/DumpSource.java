package org.veridianos.inspect;

import java.io.IOException;
import java.nio.file.Path;
import org.veridianos.inspect.image.KernelImage;
import org.veridianos.machine.SegmentedMemory;

/** The memory of a machine in an ELF core, as QEMU's {@code dump-guest-memory} writes it. */
public final class DumpSource extends MemorySource {

    private DumpSource(Machine machine, SegmentedMemory memory, KernelImage image) {
        super(machine, memory, image);
    }

    /**
     * Opens a dump of a machine that ran {@code elf}.
     *
     * @throws InspectException when one of the files cannot be read, in one line
     */
    public static DumpSource open(Path dump, Path elf) throws InspectException {
        try {
            KernelImage image = KernelImage.read(elf);
            String name = dump.getFileName().toString();
            return new DumpSource(new Machine(name, name + " (" + image.architecture().id() + ")", image.architecture(), elf, ""), SegmentedMemory.ofDump(dump), image);
        } catch (IOException unreadable) {
            throw new InspectException(unreadable.getMessage() == null ? dump + " cannot be read" : unreadable.getMessage(), unreadable);
        }
    }

    @Override
    protected boolean readableWhenDead() {
        return true;
    }

    @Override
    public Status status() {
        return new Status(false, machine().id() + " is a dump: it does not change");
    }
}
