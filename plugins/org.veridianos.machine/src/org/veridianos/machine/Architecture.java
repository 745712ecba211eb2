package org.veridianos.machine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** What differs between the emulated architectures: ELF machine number and where RAM lies in the physical address space. */
public enum Architecture {
    X86_64("x86_64", 62, "qemu-system-x86"),
    AARCH64("aarch64", 183, "qemu-system-arm"),
    RISCV64("riscv64", 243, "qemu-system-misc");

    private static final long GIB = 1L << 30;

    private final String id;
    private final int elfMachine;
    private final String debianPackage;

    Architecture(String id, int elfMachine, String debianPackage) {
        this.id = id;
        this.elfMachine = elfMachine;
        this.debianPackage = debianPackage;
    }

    /** The name on command lines and in profiles. */
    public String id() {
        return id;
    }

    /** {@code e_machine} of an ELF file for it. */
    public int elfMachine() {
        return elfMachine;
    }

    /** The package that brings its QEMU on Debian. */
    public String debianPackage() {
        return debianPackage;
    }

    /** A piece of RAM: where it begins in the physical address space and in the RAM as a whole. */
    public record Piece(long address, long offset, long length) {
    }

    /**
     * Where {@code size} bytes of RAM lie. On a q35 PC the part that does not fit below the PCI hole continues at 4 GiB;
     * the hole begins at 2 GiB when RAM reaches 2.75 GiB, else nothing is split (QEMU's pc_q35_init).
     */
    public List<Piece> ramPieces(long size) {
        return switch (this) {
            case X86_64 -> {
                long split = 0xb000_0000L;
                long low = size >= split ? 2 * GIB : size;
                List<Piece> pieces = new ArrayList<>(List.of(new Piece(0, 0, low)));
                if (size > low) {
                    pieces.add(new Piece(4 * GIB, low, size - low));
                }
                yield pieces;
            }
            case AARCH64 -> List.of(new Piece(GIB, 0, size));
            case RISCV64 -> List.of(new Piece(2 * GIB, 0, size));
        };
    }

    /**
     * The architecture called {@code id}.
     *
     * @throws IllegalArgumentException with a message for the user
     */
    public static Architecture of(String id) {
        for (Architecture architecture : values()) {
            if (architecture.id.equals(id)) {
                return architecture;
            }
        }
        throw new IllegalArgumentException("unknown architecture '" + id + "': use one of "
                + Arrays.stream(values()).map(Architecture::id).collect(Collectors.joining(", ")));
    }
}
