package org.veridianos.inspect.read;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.veridianos.inspect.InspectException;
import org.veridianos.inspect.image.KernelImage;
import org.veridianos.inspect.image.Root;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.machine.ElfFile;
import org.veridianos.machine.GuestMemory;

/**
 * Guest memory by the kernel's virtual addresses.
 *
 * <p>Three kinds of address: in the direct map (root {@code direct map}: all RAM, by one subtraction), in the image (by the ELF
 * file's segments), and elsewhere (by the kernel's own page table, root {@code kernel page table}). None of them asks QEMU.
 */
public final class KernelMemory {

    private static final int PAGE = 4096;
    private static final int LONGEST_TEXT = 1024;

    private final GuestMemory memory;
    private final KernelImage image;
    private final PageFormat format;
    private final List<ElfFile.Segment> loaded;
    private final long directMap;
    private final long directEnd;
    private final boolean hasDirectMap;

    /** The memory of a machine that runs {@code image}. */
    public KernelMemory(GuestMemory memory, KernelImage image) {
        this.memory = memory;
        this.image = image;
        this.format = PageFormat.of(image.architecture());
        this.loaded = image.elf().segments().stream().filter(s -> s.type() == 1).toList();
        Optional<ByteBuffer> base = image.types().root("direct map").flatMap(r -> image.elf().bytesAt(r.address() + r.data().offset(), 8));
        this.hasDirectMap = base.isPresent();
        this.directMap = base.map(b -> b.getLong(0)).orElse(0L);
        long end = 0;
        for (GuestMemory.Range range : memory.ranges()) {
            end = Math.max(end, range.address() + range.length());
        }
        this.directEnd = end;
    }

    /** Physical memory. */
    public GuestMemory physicalMemory() {
        return memory;
    }

    /** The kernel that runs in it. */
    public KernelImage image() {
        return image;
    }

    /** How page tables are made on this machine. */
    public PageFormat format() {
        return format;
    }

    /**
     * Whether RAM holds this kernel.
     *
     * @throws InspectException when it does not: not loaded yet, or the file was built anew since the start
     */
    public void check() throws InspectException {
        for (String name : List.of(".note.gnu.build-id", "veridian_inspect")) {
            Optional<ElfFile.Section> section = image.elf().section(name).filter(s -> s.address() != 0 && s.size() > 0);
            if (section.isPresent()) {
                ByteBuffer expected = image.elf().contents(section.get());
                byte[] found = new byte[Math.min(PAGE, expected.limit())];
                try {
                    read(section.get().address(), found, 0, found.length);
                } catch (Unreadable outside) {
                    throw new InspectException("this machine has no RAM where " + image.path() + " belongs: " + outside.getMessage());
                }
                if (!expected.slice(0, found.length).equals(ByteBuffer.wrap(found))) {
                    throw new InspectException("the RAM of this machine does not hold " + image.path()
                            + ": it is not loaded yet, or was built anew since the machine was started; boot it again");
                }
            }
        }
    }

    /** The physical address behind a kernel virtual address. */
    public long physical(long virtual) throws Unreadable {
        if (hasDirectMap && Long.compareUnsigned(virtual - directMap, directEnd) < 0) {
            return virtual - directMap;
        }
        for (ElfFile.Segment segment : loaded) {
            if (Long.compareUnsigned(virtual - segment.virtualAddress(), segment.memorySize()) < 0) {
                return virtual - segment.virtualAddress() + segment.physicalAddress();
            }
        }
        if (virtual >= 0) {
            throw Unreadable.at(virtual, virtual == 0 ? "is null" : "is no address of the kernel");
        }
        Root root = image.types().root("kernel page table").orElseThrow(() -> Unreadable.at(virtual, hasDirectMap
                ? "is mapped by a page table that the kernel does not describe (root 'kernel page table')"
                : "cannot be translated: the kernel does not describe the root 'direct map'"));
        long table = root.address() + root.data().offset();
        for (ElfFile.Segment segment : loaded) {
            if (Long.compareUnsigned(table - segment.virtualAddress(), segment.memorySize()) < 0) {
                return translate(word(table - segment.virtualAddress() + segment.physicalAddress()), virtual);
            }
        }
        throw Unreadable.at(virtual, "cannot be translated: the kernel's page table is not in its image");
    }

    /** The physical address behind a virtual address of the space whose top table is at a physical address. */
    public long translate(long table, long virtual) throws Unreadable {
        long at = table;
        for (int level = PageFormat.TOP; level >= 0; level--) {
            long entry = word(at + 8L * PageFormat.index(virtual, level));
            if (!format.isPresent(entry)) {
                throw Unreadable.at(virtual, "is not mapped");
            }
            if (format.isLeaf(entry, level)) {
                long mask = PageFormat.size(level) - 1;
                return format.address(entry) & ~mask | virtual & mask;
            }
            at = format.address(entry);
        }
        throw Unreadable.at(virtual, "is not mapped");
    }

    private long word(long physical) throws Unreadable {
        try {
            return memory.readLong(physical);
        } catch (GuestMemory.OutOfRam outside) {
            throw Unreadable.at(physical, "is no RAM");
        }
    }

    /** Eight bytes, one load when aligned. */
    public long readLong(long virtual) throws Unreadable {
        if ((virtual & 7) != 0) {
            byte[] bytes = new byte[8];
            read(virtual, bytes, 0, 8);
            return Access.raw(bytes, 0, 8);
        }
        return word(physical(virtual));
    }

    /** Four bytes, one load when aligned. */
    public int readInt(long virtual) throws Unreadable {
        if ((virtual & 3) != 0) {
            byte[] bytes = new byte[4];
            read(virtual, bytes, 0, 4);
            return (int) Access.raw(bytes, 0, 4);
        }
        try {
            return memory.readInt(physical(virtual));
        } catch (GuestMemory.OutOfRam outside) {
            throw Unreadable.at(virtual, "is no RAM");
        }
    }

    /** Copies a block. The caller has bounded {@code length}. */
    public void read(long virtual, byte[] into, int offset, int length) throws Unreadable {
        try {
            if (hasDirectMap && Long.compareUnsigned(virtual - directMap, directEnd) < 0) {
                memory.read(virtual - directMap, into, offset, length);
                return;
            }
            for (int done = 0; done < length;) {
                long at = virtual + done;
                int count = (int) Math.min(length - done, PAGE - (at & (PAGE - 1)));
                memory.read(physical(at), into, offset + done, count);
                done += count;
            }
        } catch (GuestMemory.OutOfRam outside) {
            throw Unreadable.at(virtual, "is no RAM");
        }
    }

    /** A block as a new array; at most 16 MiB. */
    public byte[] read(long virtual, int length) throws Unreadable {
        if (length < 0 || length > 1 << 24) {
            throw Unreadable.at(virtual, "begins a block of " + Integer.toUnsignedString(length) + " bytes, which is too large");
        }
        byte[] bytes = new byte[length];
        read(virtual, bytes, 0, length);
        return bytes;
    }

    /** A text of the field, whose structure's copy begins at {@code base}: in the structure itself, or where it points. */
    String text(Access access, byte[] bytes, int base) throws Unreadable {
        if (!access.exists() || !access.field().typeName().equals("str") || access.field().size() != 16) {
            return access.text(bytes, base);
        }
        int at = base + access.offset();
        if (at < 0 || at > bytes.length - 16) {
            throw new Unreadable("a text lies outside of its structure");
        }
        long address = access.get(bytes, base);
        long length = Access.raw(bytes, at + 8, 8);
        if (length < 0 || length > LONGEST_TEXT) {
            throw new Unreadable("a text of " + Long.toUnsignedString(length) + " bytes is too long");
        }
        return length == 0 ? "" : Access.text(read(address, (int) length), 0, (int) length);
    }

    /** Addresses as a list. */
    static List<Long> boxed(long[] addresses) {
        return Arrays.stream(addresses).boxed().toList();
    }
}
