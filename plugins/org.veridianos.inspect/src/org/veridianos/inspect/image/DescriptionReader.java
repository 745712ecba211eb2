package org.veridianos.inspect.image;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.veridianos.machine.ElfFile;

/**
 * Reads the section {@code veridian_inspect}, whose format stands in {@code kernel/src/inspect/mod.rs} (version 1).
 *
 * <p>A damaged record is left out and named; the rest is used. Only an image without any sound record is an error.
 */
final class DescriptionReader {

    static final String SECTION = "veridian_inspect";

    private static final int MAGIC = 0x534e4956;
    private static final int RECORD = 80;
    private static final int FIELD = 64;
    private static final int NAME = 40;
    private static final int MOST_RECORDS = 1 << 16;
    private static final int MOST_FIELDS = 1024;
    private static final int MOST_NAMES = 4096;
    private static final int LONGEST_TEXT = 1024;
    /** A root's data may begin behind a header, such as that of a lock, which its size does not count. */
    private static final int MOST_HEADER = 4096;

    /** A record is not what the format says. */
    private static final class Damaged extends Exception {
        private static final long serialVersionUID = 1L;

        Damaged(String message) {
            super(message, null, false, false);
        }
    }

    /** Bytes of the image by virtual address. */
    interface Bytes {
        Optional<ByteBuffer> at(long address, long length);
    }

    private final Bytes image;
    private record Place(long address, long length) {
    }

    private final Map<Place, String> texts = new HashMap<>();
    private final List<DescribedType> types = new ArrayList<>();
    private final List<Root> roots = new ArrayList<>();
    private final List<String> problems = new ArrayList<>();

    private DescriptionReader(Bytes image) {
        this.image = image;
    }

    static TypeTable read(ElfFile elf) throws IOException {
        ElfFile.Section section = elf.section(SECTION).orElseThrow(() -> new IOException(elf.path()
                + " does not describe its data: it has no section '" + SECTION + "'; build the kernel from sources that have src/inspect"));
        ByteBuffer records;
        try {
            records = elf.contents(section);
        } catch (IndexOutOfBoundsException beyond) {
            throw new IOException(elf.path() + " is damaged: section '" + SECTION + "' lies outside the file", beyond);
        }
        TypeTable table = read(records, elf::bytesAt);
        if (table.types().isEmpty() && table.roots().isEmpty()) {
            throw new IOException(elf.path() + ": the description of its data is damaged: "
                    + (table.problems().isEmpty() ? "it is empty" : table.problems().get(0)));
        }
        return table;
    }

    /** The table in {@code records}, whose addresses {@code image} resolves. */
    static TypeTable read(ByteBuffer records, Bytes image) {
        DescriptionReader reader = new DescriptionReader(image);
        ByteBuffer all = records.order(ByteOrder.LITTLE_ENDIAN);
        int count = Math.min(all.limit() / RECORD, MOST_RECORDS);
        if (all.limit() % RECORD != 0 || all.limit() / RECORD > MOST_RECORDS) {
            reader.problems.add("the description has " + all.limit() + " bytes, which is no number of records of " + RECORD + " bytes up to " + MOST_RECORDS);
        }
        for (int i = 0; i < count; i++) {
            try {
                reader.record(all.slice(i * RECORD, RECORD).order(ByteOrder.LITTLE_ENDIAN));
            } catch (Damaged damaged) {
                reader.problems.add("record " + i + " of the description: " + damaged.getMessage());
            }
        }
        return new TypeTable(reader.types, reader.roots, reader.problems);
    }

    private void record(ByteBuffer record) throws Damaged {
        if (record.getInt(0) != MAGIC) {
            throw new Damaged("no record begins here");
        }
        if (record.getShort(4) != 1) {
            throw new Damaged("version " + Short.toUnsignedInt(record.getShort(4)) + " of the format is unknown; this IDE knows version 1");
        }
        int what = Short.toUnsignedInt(record.getShort(6));
        String name = text(record, 8);
        String file = text(record, 24);
        int size = count(record.getInt(52), Integer.MAX_VALUE, "bytes");
        int line = Math.max(0, record.getInt(56));
        List<Field> fields = fields(record.getLong(40), count(record.getInt(48), MOST_FIELDS, "fields"), size, what == 2);
        if (name.isEmpty()) {
            throw new Damaged("it has no name");
        }
        switch (what) {
            case 1 -> types.add(new DescribedType(name, file, line, size, fields));
            case 2 -> {
                if (fields.size() != 1) {
                    throw new Damaged("the root '" + name + "' has " + fields.size() + " fields instead of 1");
                }
                roots.add(new Root(name, record.getLong(64), fields.get(0), file, line));
            }
            default -> throw new Damaged("what it describes has the unknown number " + what);
        }
    }

    private List<Field> fields(long address, int count, int size, boolean root) throws Damaged {
        ByteBuffer bytes = bytes(address, (long) count * FIELD, "fields");
        List<Field> fields = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int at = i * FIELD;
            String name = text(bytes, at);
            FieldKind kind = FieldKind.of(Byte.toUnsignedInt(bytes.get(at + 56)));
            int offset = bytes.getInt(at + 44);
            int length = bytes.getInt(at + 48);
            int elements = bytes.getInt(at + 52);
            if (kind == null) {
                throw new Damaged("the field '" + name + "' is of the unknown kind " + Byte.toUnsignedInt(bytes.get(at + 56)));
            }
            if (offset < 0 || length < 0 || (long) offset + length > (root ? MOST_HEADER + (long) size : size)) {
                throw new Damaged("the field '" + name + "' lies outside its type");
            }
            if (elements < 0 || elements > 0 && length % elements != 0) {
                throw new Damaged("the field '" + name + "' cannot have " + Integer.toUnsignedString(elements) + " elements in " + length + " bytes");
            }
            int firstBit = Byte.toUnsignedInt(bytes.get(at + 58));
            int bits = Byte.toUnsignedInt(bytes.get(at + 59));
            int width = length / Math.max(1, elements);
            if (firstBit + bits > 64 || bits > 0 && firstBit + bits > 8 * width) {
                throw new Damaged("the field '" + name + "' has bits that its integer lacks");
            }
            if (kind.isInteger() && !(width == 1 || width == 2 || width == 4 || width == 8 || width == 16) && !startsCollection(kind, width)) {
                throw new Damaged("the field '" + name + "' is an integer of " + width + " bytes");
            }
            List<FieldName> names = names(bytes.getLong(at + 32), count(bytes.getInt(at + 40), MOST_NAMES, "names"));
            fields.add(new Field(name, text(bytes, at + 16), names, offset, length, Math.max(1, elements), kind, bytes.get(at + 57) == 1, firstBit, bits));
        }
        return fields;
    }

    /** A list may begin in a structure of links, whose first pointer counts. */
    private static boolean startsCollection(FieldKind kind, int width) {
        return kind.isCollection() && width >= 8;
    }

    private List<FieldName> names(long address, int count) throws Damaged {
        ByteBuffer bytes = bytes(address, (long) count * NAME, "names");
        List<FieldName> names = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            names.add(new FieldName(bytes.getLong(i * NAME), text(bytes, i * NAME + 8), text(bytes, i * NAME + 24)));
        }
        return names;
    }

    private String text(ByteBuffer bytes, int at) throws Damaged {
        long address = bytes.getLong(at);
        long length = bytes.getLong(at + 8);
        if (length < 0 || length > LONGEST_TEXT) {
            throw new Damaged("a text of " + Long.toUnsignedString(length) + " bytes is too long");
        }
        Place key = new Place(address, length);
        String known = texts.get(key);
        if (known != null) {
            return known;
        }
        byte[] content = new byte[(int) length];
        bytes(address, length, "a text").get(content);
        String text = new String(content, StandardCharsets.UTF_8);
        texts.put(key, text);
        return text;
    }

    private ByteBuffer bytes(long address, long length, String what) throws Damaged {
        if (length == 0) {
            return ByteBuffer.allocate(0);
        }
        return image.at(address, length).orElseThrow(() -> new Damaged(what + " at 0x" + Long.toHexString(address) + " lie outside the image"))
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int count(int value, int most, String what) throws Damaged {
        if (value < 0 || value > most) {
            throw new Damaged(Integer.toUnsignedString(value) + " " + what + " are too many");
        }
        return value;
    }
}
