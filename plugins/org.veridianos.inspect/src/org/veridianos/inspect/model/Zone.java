package org.veridianos.inspect.model;

import java.util.List;

/**
 * One zone of a node's memory.
 *
 * @param node        NUMA node
 * @param name        {@code Dma}, {@code Normal}, {@code High}
 * @param index       number by which frames name it
 * @param free        free frames of 4 KiB
 * @param total       frames it was given at boot
 * @param chunks      free chunks by order: {@code chunks[n]} chunks of 2^n blocks of 2 MiB
 * @param partial     blocks of which single frames are free
 * @param partialFree free frames in those
 * @param consistency whether the counts and the lists agree
 */
public record Zone(int node, String name, int index, long free, long total, List<Integer> chunks, int partial, long partialFree, Consistency consistency) {

    /** Copies the list. */
    public Zone {
        chunks = List.copyOf(chunks);
    }

    /** Share of the free memory that lies in no free block of 2 MiB: 0 for none of it, 1 for all. */
    public double fragmentation() {
        return free == 0 ? 0 : Math.min(1, (double) partialFree / free);
    }
}
