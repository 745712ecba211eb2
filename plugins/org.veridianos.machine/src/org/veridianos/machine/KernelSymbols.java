package org.veridianos.machine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names for the addresses that a kernel prints when it panics before it has its own table.
 *
 * <p>The table is the file {@code symbols} of the initrd (magic {@code VSYMTAB1}): sorted offsets from a base address, and for each
 * the start of a name, demangled. The last entry has no name and marks the end of the text. The initrd is the user's build, so
 * nothing in it is trusted to be whole.
 */
public final class KernelSymbols {

    private static final byte[] MAGIC = "VSYMTAB1".getBytes(StandardCharsets.US_ASCII);
    private static final int HEADER = 64;
    private static final int CPIO_HEADER = 110;

    /** A line of a backtrace without a name: {@code "   3: 0xffffffff80101234"}. */
    private static final Pattern NAMELESS = Pattern.compile("( *(\\d+): 0x([0-9a-f]{16}))\\s*");

    private final ByteBuffer table;
    private final long base;
    private final int count;

    private KernelSymbols(ByteBuffer table) {
        this.table = table;
        this.count = table.getInt(8);
        this.base = Integer.toUnsignedLong(table.getInt(16)) | (long) table.getInt(20) << 32;
    }

    /** The table in an initrd; empty when there is none, or none that is whole. */
    public static Optional<KernelSymbols> ofInitrd(Path initrd) {
        try {
            return file(ByteBuffer.wrap(Files.readAllBytes(initrd)), "symbols").filter(KernelSymbols::isWhole).map(KernelSymbols::new);
        } catch (IOException unreadable) {
            return Optional.empty();
        }
    }

    private static boolean isWhole(ByteBuffer table) {
        return table.limit() >= HEADER && table.slice(0, 8).equals(ByteBuffer.wrap(MAGIC)) && table.getInt(8) >= 0
                && HEADER + 8L * table.getInt(8) <= table.limit();
    }

    /** A file of a cpio archive in the "newc" format. */
    private static Optional<ByteBuffer> file(ByteBuffer archive, String wanted) {
        try {
            for (int at = 0; at + CPIO_HEADER <= archive.limit();) {
                int size = hex(archive, at + 54);
                int nameSize = hex(archive, at + 94);
                if (size < 0 || nameSize < 1) {
                    break;
                }
                String name = text(archive, at + CPIO_HEADER, nameSize - 1);
                int data = align(at + CPIO_HEADER + nameSize);
                if (name.equals(wanted)) {
                    return Optional.of(archive.slice(data, size).order(ByteOrder.LITTLE_ENDIAN));
                }
                if (name.equals("TRAILER!!!")) {
                    break;
                }
                at = align(Math.addExact(data, size));
            }
        } catch (IndexOutOfBoundsException | NumberFormatException | ArithmeticException damaged) {
            return Optional.empty();
        }
        return Optional.empty();
    }

    private static int hex(ByteBuffer archive, int at) {
        return Integer.parseInt(text(archive, at, 8), 16);
    }

    private static String text(ByteBuffer archive, int at, int length) {
        byte[] bytes = new byte[Math.min(length, archive.limit())];
        archive.get(at, bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static int align(int at) {
        return at + 3 & ~3;
    }

    /** {@code name+0x12} for an address inside a function. */
    public Optional<String> lookup(long address) {
        long offset = address - base;
        int low = 0;
        int high = offset >= 0 && offset <= 0xffff_ffffL ? count : 0;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (start(middle) <= offset) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low == 0) {
            return Optional.empty();
        }
        int at = HEADER + 8 * count + Math.max(0, table.getInt(HEADER + 4 * count + 4 * (low - 1)));
        int end = at;
        while (end >= 0 && end < table.limit() && table.get(end) != 0) {
            end++;
        }
        return end <= at ? Optional.empty() : Optional.of(text(table, at, end - at) + "+0x" + Long.toHexString(offset - start(low - 1)));
    }

    private long start(int entry) {
        return Integer.toUnsignedLong(table.getInt(HEADER + 4 * entry));
    }

    /** A line of a backtrace that lacks its name, with it; empty for every other line. */
    public Optional<String> named(String line) {
        Matcher nameless = NAMELESS.matcher(line);
        if (!nameless.matches()) {
            return Optional.empty();
        }
        // A return address may be the first of the next function; the call is before it.
        int before = nameless.group(2).equals("0") ? 0 : 1;
        return lookup(Long.parseUnsignedLong(nameless.group(3), 16) - before).map(name -> nameless.group(1) + " " + name);
    }
}
