package org.veridianos.machine;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Physical memory in mapped parts of files: the RAM of a running machine, or the segments of a dump.
 *
 * <p>A mapping of Java ends at 2 GiB, so files are mapped in windows of at most 1 GiB, sorted by address; a read finds its
 * window by bisection. Mappings are read-only and shared, and live as long as somebody holds this object: closing drops them,
 * after which reads are out of RAM. Java unmaps when nothing points to a window any more, so a read that races with closing
 * is safe.
 */
public final class SegmentedMemory implements GuestMemory {

    static final long WINDOW = 1L << 30;

    private static final VarHandle LONG = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle SHORT = MethodHandles.byteBufferViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

    /** A part of a file that holds RAM. */
    public record Segment(Path file, long offset, long address, long length) {
    }

    /** @param aligned whether addresses that are aligned for the guest are so in the mapping; a dump's need not be */
    private record Window(long address, ByteBuffer bytes, boolean aligned) {
        Window(long address, ByteBuffer bytes) {
            this(address, bytes, address % 8 == 0 && bytes.alignmentOffset(0, 8) == 0);
        }

        /** Where a word of {@code size} bytes lies, or -1 when it can only be put together from bytes. */
        int word(long at, int size) {
            int index = (int) (at - address);
            return aligned && (at & (size - 1)) == 0 && index <= bytes.limit() - size ? index : -1;
        }
    }

    private volatile Window[] windows;
    private final List<Range> ranges;

    private SegmentedMemory(Window[] windows, List<Range> ranges) {
        this.windows = windows;
        this.ranges = ranges;
    }

    /** The RAM of a running machine. */
    public static SegmentedMemory of(Session session) throws MachineException {
        try {
            return map(session.ram().stream().map(r -> new Segment(r.file(), r.offset(), r.address(), r.length())).toList());
        } catch (IOException gone) {
            throw new MachineException("the RAM of " + session.id() + " cannot be read: " + gone.getMessage(), gone);
        }
    }

    /** The loaded segments of an ELF core, as QEMU's {@code dump-guest-memory} writes it. */
    public static SegmentedMemory ofDump(Path core) throws IOException {
        return map(CoreFile.segments(core));
    }

    /** Maps the parts, which must not overlap in the guest's address space. */
    static SegmentedMemory map(List<Segment> segments) throws IOException {
        List<Segment> sorted = segments.stream().filter(s -> s.length > 0).sorted(Comparator.comparingLong(Segment::address)).toList();
        List<Window> windows = new ArrayList<>();
        List<Range> ranges = new ArrayList<>();
        for (Segment segment : sorted) {
            try (FileChannel file = FileChannel.open(segment.file, StandardOpenOption.READ)) {
                if (segment.offset < 0 || segment.offset > file.size() - segment.length) {
                    throw new IOException(segment.file + " is shorter than the RAM it should hold");
                }
                for (long at = 0; at < segment.length; at += WINDOW) {
                    long size = Math.min(WINDOW, segment.length - at);
                    windows.add(new Window(segment.address + at,
                            file.map(FileChannel.MapMode.READ_ONLY, segment.offset + at, size).order(ByteOrder.LITTLE_ENDIAN)));
                }
            }
            Range last = ranges.isEmpty() ? null : ranges.get(ranges.size() - 1);
            if (last != null && last.address() + last.length() > segment.address) {
                throw new IOException("RAM overlaps at 0x" + Long.toHexString(segment.address));
            }
            if (last != null && last.address() + last.length() == segment.address) {
                ranges.set(ranges.size() - 1, new Range(last.address(), last.length() + segment.length));
            } else {
                ranges.add(new Range(segment.address, segment.length));
            }
        }
        return new SegmentedMemory(windows.toArray(Window[]::new), List.copyOf(ranges));
    }

    @Override
    public List<Range> ranges() {
        return ranges;
    }

    @Override
    public byte readByte(long address) {
        Window window = window(address);
        return window.bytes.get((int) (address - window.address));
    }

    @Override
    public short readShort(long address) {
        Window window = window(address);
        int index = window.word(address, 2);
        return index >= 0 ? (short) SHORT.getAcquire(window.bytes, index) : (short) gather(address, 2);
    }

    @Override
    public int readInt(long address) {
        Window window = window(address);
        int index = window.word(address, 4);
        return index >= 0 ? (int) INT.getAcquire(window.bytes, index) : (int) gather(address, 4);
    }

    @Override
    public long readLong(long address) {
        Window window = window(address);
        int index = window.word(address, 8);
        return index >= 0 ? (long) LONG.getAcquire(window.bytes, index) : gather(address, 8);
    }

    private long gather(long address, int count) {
        long value = 0;
        for (int i = 0; i < count; i++) {
            value |= (readByte(address + i) & 0xffL) << (8 * i);
        }
        return value;
    }

    @Override
    public void read(long address, byte[] into, int offset, int length) {
        for (int done = 0; done < length;) {
            Window window = window(address + done);
            int at = (int) (address + done - window.address);
            int count = Math.min(length - done, window.bytes.limit() - at);
            window.bytes.get(at, into, offset + done, count);
            done += count;
        }
    }

    /** The window that {@code address} lies in. */
    private Window window(long address) {
        Window[] all = windows;
        int low = 0;
        int high = all.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            Window window = all[middle];
            if (Long.compareUnsigned(address, window.address) < 0) {
                high = middle - 1;
            } else if (Long.compareUnsigned(address - window.address, window.bytes.limit()) >= 0) {
                low = middle + 1;
            } else {
                return window;
            }
        }
        throw new OutOfRam(address);
    }

    @Override
    public void close() {
        windows = new Window[0];
    }
}
