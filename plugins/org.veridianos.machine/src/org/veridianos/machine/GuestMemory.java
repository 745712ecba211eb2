package org.veridianos.machine;

import java.nio.BufferUnderflowException;
import java.util.List;

/**
 * A guest's physical memory, little-endian, for reading while the guest runs, stands, or is long gone.
 *
 * <p>Addresses are whatever the guest's data says, so every access checks them: outside of RAM is {@link OutOfRam}, never a
 * crash. 8, 4 and 2 byte reads at aligned addresses are single acquire loads where the memory is live, so that a sequence
 * count read first orders what is read after it. Unaligned reads are put together from bytes.
 */
public interface GuestMemory extends AutoCloseable {

    /** An address that is no RAM. */
    final class OutOfRam extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final long address;

        /** @param address the first byte that is no RAM */
        public OutOfRam(long address) {
            super("no RAM at physical address 0x" + Long.toHexString(address), null, false, false);
            this.address = address;
        }

        /** The first byte that is no RAM. */
        public long address() {
            return address;
        }
    }

    /** A stretch of physical addresses that is RAM. */
    record Range(long address, long length) {
        /** Whether {@code count} bytes from {@code at} lie inside, without overflowing. */
        public boolean contains(long at, long count) {
            long offset = at - address;
            return offset >= 0 && at >= address && count >= 0 && count <= length && offset <= length - count;
        }
    }

    /** Where RAM is, by address. */
    List<Range> ranges();

    /** Whether all {@code length} bytes from {@code address} are RAM without a gap. */
    default boolean contains(long address, long length) {
        for (Range range : ranges()) {
            if (range.contains(address, length)) {
                return true;
            }
        }
        return false;
    }

    /** One byte. */
    byte readByte(long address);

    /** Two bytes; a single load when aligned. */
    short readShort(long address);

    /** Four bytes; a single load when aligned. */
    int readInt(long address);

    /** Eight bytes; a single load when aligned. */
    long readLong(long address);

    /**
     * Copies a block. Bytes that the guest changes meanwhile may be old or new, each for itself.
     *
     * @throws OutOfRam when a part is no RAM; nothing useful is in {@code into} then
     */
    void read(long address, byte[] into, int offset, int length);

    /** A block as a new array. The caller has bounded {@code length}. */
    default byte[] read(long address, int length) {
        if (length < 0) {
            throw new BufferUnderflowException();
        }
        byte[] bytes = new byte[length];
        read(address, bytes, 0, length);
        return bytes;
    }

    /** Lets go of files and mappings. */
    @Override
    void close();
}
