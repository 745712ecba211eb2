package org.veridianos.inspect.image;

import java.io.IOException;
import java.nio.file.Path;
import org.veridianos.machine.Architecture;
import org.veridianos.machine.ElfFile;

/** A kernel's ELF file: symbols, where its parts are loaded, and what it says of its data. */
public final class KernelImage {

    private final ElfFile elf;
    private final Architecture architecture;
    private final TypeTable types;

    private KernelImage(ElfFile elf, Architecture architecture, TypeTable types) {
        this.elf = elf;
        this.architecture = architecture;
        this.types = types;
    }

    /**
     * Reads a file.
     *
     * @throws IOException when it is no kernel, or one that does not describe its data; the message says which
     */
    public static KernelImage read(Path path) throws IOException {
        return of(ElfFile.read(path));
    }

    /** The kernel in a file that is read already. */
    public static KernelImage of(ElfFile elf) throws IOException {
        for (Architecture architecture : Architecture.values()) {
            if (architecture.elfMachine() == elf.machine()) {
                return new KernelImage(elf, architecture, DescriptionReader.read(elf));
            }
        }
        throw new IOException(elf.path() + " is for an unknown architecture (ELF machine " + elf.machine() + ")");
    }

    /** The file. */
    public Path path() {
        return elf.path();
    }

    /** The file's segments and symbols. */
    public ElfFile elf() {
        return elf;
    }

    /** What it runs on. */
    public Architecture architecture() {
        return architecture;
    }

    /** What it says of its data. */
    public TypeTable types() {
        return types;
    }
}
