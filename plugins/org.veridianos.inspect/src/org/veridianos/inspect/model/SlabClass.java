package org.veridianos.inspect.model;

/**
 * A cache of objects of one size.
 *
 * @param name     what is in it
 * @param size     bytes of an object
 * @param stride   bytes from one slot to the next
 * @param slabs    slabs it has
 * @param slots    slots of each
 * @param taken    slots out of their slab: in use, or in a CPU's magazine
 * @param cached   of these, in a CPU's magazine
 * @param frames   frames of each slab
 * @param consistency whether the counts agree
 */
public record SlabClass(String name, long size, long stride, long slabs, long slots, long taken, long cached, long frames, Consistency consistency) {

    /** Slots that hold an object. */
    public long used() {
        return Math.max(0, taken - cached);
    }

    /** Bytes of all its slabs. */
    public long bytes() {
        return slabs * frames * 4096;
    }
}
