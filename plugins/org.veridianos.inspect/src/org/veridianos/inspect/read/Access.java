package org.veridianos.inspect.read;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldKind;

/**
 * A field that was found once and is then read from many copies of its structure. A field that the kernel lacks reads as 0 and
 * names itself as missing once, where it was looked for.
 */
public final class Access {

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

    private static final int MOST_NAMES = 32;

    /** A field that is not there. */
    public static final Access MISSING = new Access(null);

    private final Field field;
    private final int offset;
    private final int width;
    private final boolean signed;
    private final int shift;
    private final long mask;
    /** Names of an enumeration's values by number, where they are small. */
    private final String[] names;

    /** Access to a field, whose offset counts from the start of what is copied. */
    public Access(Field field) {
        this.field = field;
        this.offset = field == null ? 0 : field.offset();
        int stride = field == null ? 0 : field.stride();
        this.width = field != null && field.kind().isCollection() ? 8 : Math.min(8, stride);
        this.signed = field != null && field.kind() == FieldKind.SIGNED;
        this.shift = field == null ? 0 : field.firstBit();
        this.names = field == null || field.kind() != FieldKind.ENUMERATION ? null : names(field);
        this.mask = field == null || field.bits() == 0 || field.bits() >= 64 ? -1 : (1L << field.bits()) - 1;
    }

    private static String[] names(Field field) {
        String[] names = new String[MOST_NAMES];
        for (int i = field.names().size() - 1; i >= 0; i--) {
            long value = field.names().get(i).value();
            if (value >= 0 && value < MOST_NAMES) {
                names[(int) value] = field.names().get(i).name();
            }
        }
        return names;
    }

    /** Whether the kernel has the field. */
    public boolean exists() {
        return field != null;
    }

    /** The field, or null. */
    public Field field() {
        return field;
    }

    /** Bytes from the start of the structure. */
    public int offset() {
        return offset;
    }

    /** Its value in the copy of a structure that begins at {@code base}; of an array the first element. */
    public long get(byte[] bytes, int base) {
        return element(bytes, base, 0);
    }

    /** An element of an array. */
    public long element(byte[] bytes, int base, int index) {
        if (field == null) {
            return 0;
        }
        int at = base + offset + index * field.stride();
        if (at < 0 || at > bytes.length - width) {
            return 0;
        }
        long value = raw(bytes, at, width);
        if (signed && width < 8) {
            value = value << 64 - 8 * width >> 64 - 8 * width;
        }
        return value >>> shift & mask;
    }

    /** The name of an enumeration's or flags' value in a copy. */
    public String name(byte[] bytes, int base) {
        if (field == null) {
            return "?";
        }
        long value = get(bytes, base);
        if (names != null && value >= 0 && value < MOST_NAMES && names[(int) value] != null) {
            return names[(int) value];
        }
        return field.kind() == FieldKind.FLAGS ? field.flagsOf(value) : field.nameOf(value);
    }

    /** Text up to the first zero; what is no printable character is shown as {@code ?}. */
    public String text(byte[] bytes, int base) {
        return field == null ? "?" : text(bytes, base + offset, field.size());
    }

    static String text(byte[] bytes, int at, int most) {
        if (at < 0 || at > bytes.length) {
            return "?";
        }
        int end = at;
        while (end < at + most && end < bytes.length && bytes[end] != 0) {
            end++;
        }
        String text = new String(bytes, at, Math.max(0, end - at), StandardCharsets.UTF_8);
        StringBuilder clean = new StringBuilder(text.length());
        text.codePoints().forEach(c -> clean.appendCodePoint(Character.isISOControl(c) || c == 0xfffd || !Character.isDefined(c) ? '?' : c));
        return clean.toString();
    }

    static long raw(byte[] bytes, int at, int width) {
        return switch (width) {
            case 1 -> bytes[at] & 0xffL;
            case 2 -> (short) SHORT.get(bytes, at) & 0xffffL;
            case 4 -> (int) INT.get(bytes, at) & 0xffff_ffffL;
            case 8 -> (long) LONG.get(bytes, at);
            default -> {
                long value = 0;
                for (int i = 0; i < width; i++) {
                    value |= (bytes[at + i] & 0xffL) << 8 * i;
                }
                yield value;
            }
        };
    }
}
