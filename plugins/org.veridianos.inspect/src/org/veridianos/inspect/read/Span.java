package org.veridianos.inspect.read;

import java.util.Arrays;
import org.veridianos.inspect.model.Consistency;

/**
 * The part of a structure that the fields of interest lie in; what is copied of it at once.
 *
 * <p>A structure without a sequence count is taken for consistent when two copies in a row are the same.
 */
final class Span {

    /** How often a structure that changes is read again. */
    static final int TRIES = 4;

    private final int start;
    private final int end;

    /** @param fields those of interest; missing ones do not count */
    Span(Access... fields) {
        int first = Integer.MAX_VALUE;
        int last = 0;
        for (Access access : fields) {
            if (access.exists()) {
                first = Math.min(first, access.offset());
                last = Math.max(last, access.offset() + access.field().size());
            }
        }
        this.start = first == Integer.MAX_VALUE ? 0 : first & ~7;
        this.end = Math.max(start, last);
    }

    /** Bytes of a copy. */
    int length() {
        return end - start;
    }

    /** Where the structure begins, relative to a copy. */
    int base() {
        return -start;
    }

    /** Copies from the structure at an address into {@code first}; {@code second} is scratch of the same length. */
    Consistency read(KernelMemory memory, long address, byte[] first, byte[] second) throws Unreadable {
        memory.read(address + start, first, 0, length());
        for (int i = 0; i < TRIES; i++) {
            memory.read(address + start, second, 0, length());
            if (Arrays.equals(first, second)) {
                return Consistency.OK;
            }
            System.arraycopy(second, 0, first, 0, length());
        }
        return Consistency.broken("it changed while it was read");
    }
}
