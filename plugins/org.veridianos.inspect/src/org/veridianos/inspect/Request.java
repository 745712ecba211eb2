package org.veridianos.inspect;

import java.util.EnumSet;
import java.util.Set;

/**
 * What a snapshot shall hold.
 *
 * @param parts         what to read
 * @param addressSpaces addresses of the address spaces whose page tables to read, 0 for the kernel's; empty for all
 * @param expanded      paths of nodes of the generic view whose children to read
 * @param depth         levels of the generic view below the roots that are read without being asked for
 * @param limit         the most elements of any one collection, and the most tables, and the most nodes: what bounds memory
 */
public record Request(Set<Part> parts, Set<Long> addressSpaces, Set<String> expanded, int depth, int limit) {

    /** As many elements as a large machine has. */
    public static final int LIMIT = 2_000_000;

    /** Copies the sets. */
    public Request {
        parts = Set.copyOf(parts);
        addressSpaces = Set.copyOf(addressSpaces);
        expanded = Set.copyOf(expanded);
    }

    /** These parts, whole. */
    public static Request of(Part first, Part... more) {
        return new Request(EnumSet.of(first, more), Set.of(), Set.of(), 0, LIMIT);
    }

    /** Everything except the generic view. */
    public static Request everything() {
        return new Request(EnumSet.complementOf(EnumSet.of(Part.OBJECTS)), Set.of(), Set.of(), 0, LIMIT);
    }

    /** Whether a part is asked for. */
    public boolean has(Part part) {
        return parts.contains(part);
    }

    /** The same for these address spaces only. */
    public Request withAddressSpaces(Set<Long> addresses) {
        return new Request(parts, addresses, expanded, depth, limit);
    }

    /** The same with these nodes of the generic view open. */
    public Request withExpanded(Set<String> paths) {
        return new Request(parts, addressSpaces, paths, depth, limit);
    }

    /** The same with the generic view open this many levels below the roots. */
    public Request withDepth(int levels) {
        return new Request(parts, addressSpaces, expanded, levels, limit);
    }

    /** The same with another bound. */
    public Request withLimit(int most) {
        return new Request(parts, addressSpaces, expanded, depth, most);
    }
}
