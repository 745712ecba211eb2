package org.veridianos.machine;

import java.nio.file.Path;

/**
 * A part of guest RAM and the file that holds it.
 *
 * @param file    shared with QEMU
 * @param offset  where the part begins in the file
 * @param address where it begins in the guest's physical address space
 * @param length  bytes
 * @param node    NUMA node
 */
public record RamRange(Path file, long offset, long address, long length, int node) {

    /** The first address after it. */
    public long end() {
        return address + length;
    }
}
