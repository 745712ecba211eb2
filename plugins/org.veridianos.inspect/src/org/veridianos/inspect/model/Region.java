package org.veridianos.inspect.model;

/**
 * A range of an address space as the kernel planned it; pages appear in it by and by.
 *
 * @param start  first address
 * @param end    first address behind it
 * @param kind   name of its kind: {@code Anonymous}, {@code Shared}, {@code Private}, {@code Guard}
 * @param flags  what its mappings allow, in words
 * @param object address of its memory object, 0 for none
 * @param offset offset in the object of {@code start}
 * @param slot   slot of the capability it was mapped through, 0 for none
 * @param closing whether it is being removed
 */
public record Region(long start, long end, String kind, String flags, long object, long offset, long slot, boolean closing) {
}
