package org.veridianos.machine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** The program headers of an ELF core of any size; {@link ElfFile} maps whole files and ends at 2 GiB. */
final class CoreFile {

    private static final int PT_LOAD = 1;

    private CoreFile() {
    }

    static List<SegmentedMemory.Segment> segments(Path core) throws IOException {
        try (FileChannel file = FileChannel.open(core, StandardOpenOption.READ)) {
            ByteBuffer header = read(file, 0, 64, core);
            if (header.getInt(0) != 0x464c457f || header.get(4) != 2 || header.getShort(16) != 4) {
                throw new IOException(core + " is no 64-bit ELF core");
            }
            int stride = Short.toUnsignedInt(header.getShort(54));
            int count = Short.toUnsignedInt(header.getShort(56));
            if (stride < 56) {
                throw new IOException(core + " is damaged: its program headers are too small");
            }
            List<SegmentedMemory.Segment> segments = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                ByteBuffer entry = read(file, header.getLong(32) + (long) i * stride, 56, core);
                if (entry.getInt(0) == PT_LOAD) {
                    segments.add(new SegmentedMemory.Segment(core, entry.getLong(8), entry.getLong(24), entry.getLong(32)));
                }
            }
            return segments;
        }
    }

    private static ByteBuffer read(FileChannel file, long at, int count, Path core) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            if (at < 0 || file.read(bytes, at + bytes.position()) < 0) {
                throw new IOException(core + " is damaged: its headers point outside the file");
            }
        }
        return bytes.flip();
    }
}
