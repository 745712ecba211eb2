package org.veridianos.inspect.sample;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldName;
import org.veridianos.inspect.image.Root;

/** Writes an ELF file for x86_64 with a description of data in it: the counterpart of what the kernel's macros and linker do. */
final class ImageWriter {

    /** Where constants lie, and where data follows. */
    static final long CONSTANTS = 0xffff_ffff_8020_0000L;
    static final long PHYSICAL = 0x20_0000;
    static final long DATA = 0xffff_ffff_8040_0000L;
    static final long DATA_PHYSICAL = 0x40_0000;

    private static final int HEADERS = 0x1000;

    private final ByteBuffer constants = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
    private final Map<String, Long> texts = new HashMap<>();

    /** Puts a number among the constants; its address. */
    long constant(long value) {
        long at = CONSTANTS + constants.position();
        constants.putLong(value);
        return at;
    }

    /** Writes the file; the description is the last thing among the constants. */
    void write(Path path, Collection<DescribedType> types, List<Root> roots, long dataSize) throws IOException {
        ByteArrayOutputStream records = new ByteArrayOutputStream();
        for (DescribedType type : types) {
            records.writeBytes(record(1, type.name(), type.file(), type.line(), type.size(), type.fields(), 0));
        }
        for (Root root : roots) {
            records.writeBytes(record(2, root.name(), root.file(), root.line(), root.data().size(), List.of(root.data()), root.address()));
        }
        align();
        int section = constants.position();
        constants.put(records.toByteArray());
        int size = constants.position();
        byte[] names = "\0veridian_inspect\0".getBytes(StandardCharsets.US_ASCII);
        ByteBuffer file = ByteBuffer.allocate(HEADERS + size + names.length + 3 * 64).order(ByteOrder.LITTLE_ENDIAN);
        file.putInt(0, 0x464c457f).put(4, (byte) 2).put(5, (byte) 1).put(6, (byte) 1).putShort(16, (short) 2).putShort(18, (short) 62).putInt(20, 1);
        int sections = HEADERS + size + names.length;
        file.putLong(32, 64).putLong(40, sections).putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) 2).putShort(58, (short) 64)
                .putShort(60, (short) 3).putShort(62, (short) 1);
        segment(file, 64, HEADERS, CONSTANTS, PHYSICAL, size, size);
        segment(file, 120, HEADERS, DATA, DATA_PHYSICAL, 0, dataSize);
        file.put(HEADERS, constants.array(), 0, size).put(HEADERS + size, names);
        section(file, sections + 64, 0, 3, 0, HEADERS + size, names.length);
        section(file, sections + 128, 1, 1, CONSTANTS + section, HEADERS + section, size - section);
        Files.write(path, file.array());
    }

    private static void segment(ByteBuffer file, int at, long offset, long virtual, long physical, long fileSize, long memorySize) {
        file.putInt(at, 1).putLong(at + 8, offset).putLong(at + 16, virtual).putLong(at + 24, physical).putLong(at + 32, fileSize).putLong(at + 40, memorySize);
    }

    private static void section(ByteBuffer file, int at, int name, int type, long address, long offset, long size) {
        file.putInt(at, name).putInt(at + 4, type).putLong(at + 16, address).putLong(at + 24, offset).putLong(at + 32, size);
    }

    private byte[] record(int what, String name, String source, int line, int size, List<Field> fields, long address) {
        ByteBuffer all = ByteBuffer.allocate(64 * fields.size()).order(ByteOrder.LITTLE_ENDIAN);
        for (Field field : fields) {
            ByteBuffer names = ByteBuffer.allocate(40 * field.names().size()).order(ByteOrder.LITTLE_ENDIAN);
            for (FieldName each : field.names()) {
                names.putLong(each.value());
                text(names, each.name());
                text(names, each.typeName());
            }
            text(all, field.name());
            text(all, field.typeName());
            all.putLong(put(names.array())).putInt(field.names().size()).putInt(field.offset()).putInt(field.size()).putInt(field.count());
            all.put((byte) field.kind().ordinal()).put((byte) (field.pointers() ? 1 : 0)).put((byte) field.firstBit()).put((byte) field.bits()).putInt(0);
        }
        ByteBuffer record = ByteBuffer.allocate(80).order(ByteOrder.LITTLE_ENDIAN).putInt(0x534e4956).putShort((short) 1).putShort((short) what);
        text(record, name);
        text(record, source);
        record.putLong(put(all.array())).putInt(fields.size()).putInt(size).putInt(line).putInt(0).putLong(address).putLong(0);
        return record.array();
    }

    private void text(ByteBuffer into, String text) {
        into.putLong(text(text)).putLong(text.getBytes(StandardCharsets.UTF_8).length);
    }

    /** A text among the constants; its address. */
    long text(String text) {
        Long known = texts.get(text);
        if (known == null) {
            known = put(text.getBytes(StandardCharsets.UTF_8));
            texts.put(text, known);
        }
        return known;
    }

    private long put(byte[] bytes) {
        align();
        long at = CONSTANTS + constants.position();
        constants.put(bytes);
        return at;
    }

    private void align() {
        constants.position(constants.position() + 7 & -8);
    }
}
