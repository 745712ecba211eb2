package org.veridianos.inspect.sample;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.veridianos.machine.GuestMemory;

/** Memory of which only what was written takes room; the rest reads as zeros. Addresses begin at 0. */
public final class SparseMemory implements GuestMemory {

    private static final int PART = 1 << 16;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final long size;
    private final byte[][] parts;

    /** @param size bytes, at most 64 GiB */
    public SparseMemory(long size) {
        this.size = size;
        this.parts = new byte[(int) ((size + PART - 1) / PART)][];
    }

    @Override
    public List<Range> ranges() {
        return List.of(new Range(0, size));
    }

    private byte[] part(long address) {
        if (address < 0 || address >= size) {
            throw new OutOfRam(address);
        }
        return parts[(int) (address / PART)];
    }

    @Override
    public byte readByte(long address) {
        byte[] part = part(address);
        return part == null ? 0 : part[(int) (address % PART)];
    }

    @Override
    public short readShort(long address) {
        return (short) (readByte(address) & 0xff | readByte(address + 1) << 8);
    }

    @Override
    public int readInt(long address) {
        if ((address & 3) != 0) {
            return readShort(address) & 0xffff | readShort(address + 2) << 16;
        }
        byte[] part = part(address);
        return part == null ? 0 : (int) INT.get(part, (int) (address % PART));
    }

    @Override
    public long readLong(long address) {
        if ((address & 7) != 0) {
            return readInt(address) & 0xffff_ffffL | (long) readInt(address + 4) << 32;
        }
        byte[] part = part(address);
        return part == null ? 0 : (long) LONG.get(part, (int) (address % PART));
    }

    @Override
    public void read(long address, byte[] into, int offset, int length) {
        for (int done = 0; done < length;) {
            byte[] part = part(address + done);
            int at = (int) ((address + done) % PART);
            int count = Math.min(length - done, PART - at);
            if (part == null) {
                Arrays.fill(into, offset + done, offset + done + count, (byte) 0);
            } else {
                System.arraycopy(part, at, into, offset + done, count);
            }
            done += count;
        }
    }

    /** Writes the lower {@code width} bytes of a value. */
    public void write(long address, long value, int width) {
        for (int i = 0; i < width; i++) {
            int index = (int) ((address + i) / PART);
            part(address + i);
            if (parts[index] == null) {
                parts[index] = new byte[PART];
            }
            parts[index][(int) ((address + i) % PART)] = (byte) (value >>> 8 * i);
        }
    }

    @Override
    public void close() {
        Arrays.fill(parts, null);
    }
}
