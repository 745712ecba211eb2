package org.veridianos.inspect.model;

import java.util.List;

/**
 * Physical memory as the kernel manages it.
 *
 * @param zones    of every node
 * @param slabs    caches of kernel objects
 * @param reserved ranges that are never handed out
 * @param frames   every frame; without sections when it was not asked for
 */
public record PhysicalMemory(List<Zone> zones, List<SlabClass> slabs, List<ReservedRange> reserved, Frames frames) {

    /** Copies the lists. */
    public PhysicalMemory {
        zones = List.copyOf(zones);
        slabs = List.copyOf(slabs);
        reserved = List.copyOf(reserved);
    }
}
