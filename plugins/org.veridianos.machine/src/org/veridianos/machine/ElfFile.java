package org.veridianos.machine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A 64-bit little-endian ELF file: segments, sections and symbols.
 *
 * <p>Files come from the user's build, so every offset and count is checked against the file before use.
 */
public final class ElfFile {

    private static final int PT_LOAD = 1;
    private static final int SHT_SYMTAB = 2;
    private static final int STT_OBJECT = 1;
    private static final int STT_FUNC = 2;

    /** A program header. */
    public record Segment(int type, long offset, long virtualAddress, long physicalAddress, long fileSize, long memorySize) {
    }

    /** A section header; {@code type} 8 (NOBITS) has no bytes in the file. */
    public record Section(String name, int type, long address, long offset, long size) {
    }

    /** A function or object. */
    public record Symbol(String name, long address, long size) {
    }

    private final Path path;
    private final ByteBuffer bytes;
    private final List<Segment> segments = new ArrayList<>();
    private final List<Section> sections = new ArrayList<>();
    private TreeMap<Long, Symbol> byAddress;
    private Map<String, Symbol> byName;

    private ElfFile(Path path, ByteBuffer bytes) throws IOException {
        this.path = path;
        this.bytes = bytes;
        if (bytes.limit() < 64 || bytes.getInt(0) != 0x464c457f || bytes.get(4) != 2 || bytes.get(5) != 1) {
            throw new IOException(path + " is no 64-bit little-endian ELF file");
        }
        try {
            readSegments();
            readSections();
        } catch (IndexOutOfBoundsException | IllegalArgumentException beyond) {
            throw new IOException(path + " is damaged: its headers point outside the file", beyond);
        }
    }

    /** Maps and checks a file. */
    public static ElfFile read(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            if (channel.size() > Integer.MAX_VALUE) {
                throw new IOException(path + " is larger than 2 GiB");
            }
            return new ElfFile(path, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size()).order(ByteOrder.LITTLE_ENDIAN));
        }
    }

    private void readSegments() {
        int start = index(bytes.getLong(32));
        int stride = Short.toUnsignedInt(bytes.getShort(54));
        int count = Short.toUnsignedInt(bytes.getShort(56));
        for (int i = 0; i < count; i++) {
            int at = start + i * stride;
            segments.add(new Segment(bytes.getInt(at), bytes.getLong(at + 8), bytes.getLong(at + 16), bytes.getLong(at + 24),
                    bytes.getLong(at + 32), bytes.getLong(at + 40)));
        }
    }

    private void readSections() {
        int start = index(bytes.getLong(40));
        int stride = Short.toUnsignedInt(bytes.getShort(58));
        int count = Short.toUnsignedInt(bytes.getShort(60));
        if (start == 0 || count == 0) {
            return;
        }
        int names = index(bytes.getLong(start + Short.toUnsignedInt(bytes.getShort(62)) * stride + 24));
        for (int i = 0; i < count; i++) {
            int at = start + i * stride;
            sections.add(new Section(string(names + bytes.getInt(at)), bytes.getInt(at + 4), bytes.getLong(at + 16), bytes.getLong(at + 24),
                    bytes.getLong(at + 32)));
        }
    }

    private void readSymbols() {
        byAddress = new TreeMap<>(Long::compareUnsigned);
        byName = new TreeMap<>();
        int start = index(bytes.getLong(40));
        int stride = Short.toUnsignedInt(bytes.getShort(58));
        for (int i = 0; i < sections.size(); i++) {
            if (sections.get(i).type() == SHT_SYMTAB) {
                int strings = index(sections.get(bytes.getInt(start + i * stride + 40)).offset());
                int end = index(sections.get(i).offset() + sections.get(i).size());
                for (int at = index(sections.get(i).offset()); at + 24 <= end; at += 24) {
                    int type = bytes.get(at + 4) & 15;
                    Symbol symbol = new Symbol(string(strings + bytes.getInt(at)), bytes.getLong(at + 8), bytes.getLong(at + 16));
                    if (type == STT_FUNC || type == STT_OBJECT || (type == 0 && !symbol.name().isEmpty() && !symbol.name().startsWith("$"))) {
                        byName.putIfAbsent(symbol.name(), symbol);
                    }
                    if (type == STT_FUNC) {
                        byAddress.put(symbol.address(), symbol);
                    }
                }
            }
        }
    }

    /** The file. */
    public Path path() {
        return path;
    }

    /** {@code e_machine}. */
    public int machine() {
        return Short.toUnsignedInt(bytes.getShort(18));
    }

    /** Program headers in file order. */
    public List<Segment> segments() {
        return List.copyOf(segments);
    }

    /** The section called {@code name}. */
    public Optional<Section> section(String name) {
        return sections.stream().filter(s -> s.name().equals(name)).findFirst();
    }

    /** The bytes of a section, empty for one without bytes in the file. */
    public ByteBuffer contents(Section section) {
        return section.type() == 8 ? ByteBuffer.allocate(0) : bytes.slice(index(section.offset()), index(section.size())).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** {@code length} bytes that lie at a virtual address inside a loaded segment and in the file; empty if they do not. */
    public Optional<ByteBuffer> bytesAt(long virtualAddress, long length) {
        for (Segment segment : segments) {
            long offset = virtualAddress - segment.virtualAddress();
            if (segment.type() == PT_LOAD && offset >= 0 && length >= 0 && segment.fileSize() >= length && offset <= segment.fileSize() - length
                    && segment.offset() >= 0 && segment.offset() <= bytes.limit() - length - offset) {
                return Optional.of(bytes.slice((int) (segment.offset() + offset), (int) length).order(ByteOrder.LITTLE_ENDIAN));
            }
        }
        return Optional.empty();
    }

    /** The symbol called {@code name} (as the linker knows it, mangled). */
    public synchronized Optional<Symbol> symbol(String name) {
        if (byName == null) {
            readSymbols();
        }
        return Optional.ofNullable(byName.get(name));
    }

    /** The function that {@code address} lies in. */
    public synchronized Optional<Symbol> function(long address) {
        if (byAddress == null) {
            readSymbols();
        }
        return Optional.ofNullable(byAddress.floorEntry(address)).map(Map.Entry::getValue)
                .filter(s -> Long.compareUnsigned(address - s.address(), Math.max(1, s.size())) < 0);
    }

    /** The physical address of a virtual address inside a loaded segment. */
    public Optional<Long> physical(long virtualAddress) {
        return segments.stream()
                .filter(s -> s.type() == PT_LOAD && Long.compareUnsigned(virtualAddress - s.virtualAddress(), s.memorySize()) < 0)
                .map(s -> virtualAddress - s.virtualAddress() + s.physicalAddress()).findFirst();
    }

    /** How much RAM the loaded segments cover, from the lowest to the end of the highest. */
    public long loadedSize() {
        long low = segments.stream().filter(s -> s.type() == PT_LOAD).mapToLong(Segment::physicalAddress).min().orElse(0);
        long high = segments.stream().filter(s -> s.type() == PT_LOAD).mapToLong(s -> s.physicalAddress() + s.memorySize()).max().orElse(0);
        return high - low;
    }

    private String string(int at) {
        int end = at;
        while (bytes.get(end) != 0) {
            end++;
        }
        byte[] text = new byte[end - at];
        bytes.get(at, text);
        return new String(text, StandardCharsets.UTF_8);
    }

    private int index(long offset) {
        if (offset < 0 || offset > bytes.limit()) {
            throw new IndexOutOfBoundsException("offset " + offset);
        }
        return (int) offset;
    }
}
