package org.veridianos.inspect.image;

import java.util.List;
import java.util.Optional;

/**
 * What lies where in a type. Several fields may describe the same bytes.
 *
 * @param name     its name
 * @param typeName name of the structure, of what is pointed at or collected, of the enumeration or flags, else of the integer
 * @param names    values, masks or roles
 * @param offset   bytes from the start of the type
 * @param size     bytes of all elements together
 * @param count    number of elements, at least 1
 * @param kind     what it holds
 * @param pointers whether elements of what is pointed at or collected are themselves pointers to the type
 * @param firstBit first bit, if only a range of the integer is meant
 * @param bits     number of bits, or 0 for all
 */
public record Field(String name, String typeName, List<FieldName> names, int offset, int size, int count, FieldKind kind, boolean pointers, int firstBit,
        int bits) {

    /** Copies the list. */
    public Field {
        names = List.copyOf(names);
    }

    /** Bytes from one element to the next. */
    public int stride() {
        return size / count;
    }

    /** The field's path that has a role in this collection. */
    public Optional<FieldName> role(int role) {
        return names.stream().filter(n -> n.value() == role).findFirst();
    }

    /** The name of a value, or the value itself in words when it has none. */
    public String nameOf(long value) {
        for (FieldName name : names) {
            if (name.value() == value) {
                return name.name();
            }
        }
        return "value " + Long.toUnsignedString(value);
    }

    /** The names of the bits that are set, joined by {@code |}; bits without a name as a number. */
    public String flagsOf(long value) {
        StringBuilder text = new StringBuilder();
        long rest = value;
        for (FieldName name : names) {
            if (name.value() != 0 && (value & name.value()) == name.value()) {
                text.append(text.isEmpty() ? "" : "|").append(name.name());
                rest &= ~name.value();
            }
        }
        if (rest != 0) {
            text.append(text.isEmpty() ? "" : "|").append("0x").append(Long.toHexString(rest));
        }
        return text.isEmpty() ? "none" : text.toString();
    }

    /** The same field, {@code by} bytes further. */
    public Field shifted(int by) {
        return new Field(name, typeName, names, offset + by, size, count, kind, pointers, firstBit, bits);
    }

    /** The same field with other names. */
    public Field withNames(List<FieldName> other) {
        return new Field(name, typeName, other, offset, size, count, kind, pointers, firstBit, bits);
    }
}
