package org.veridianos.inspect.image;

/** What a field holds; the order is that of the numbers in the image. */
public enum FieldKind {
    /** Bytes without a description. */
    OPAQUE,
    /** An unsigned integer. */
    UNSIGNED,
    /** A signed integer. */
    SIGNED,
    /** A truth value. */
    BOOL,
    /** An integer of bits with names. */
    FLAGS,
    /** An integer that selects a name. */
    ENUMERATION,
    /** Bytes up to the first zero. */
    TEXT,
    /** A structure of the named type. */
    STRUCTURE,
    /** A virtual address, or null. */
    POINTER,
    /** A physical address, or 0. */
    PHYSICAL,
    /** An index into a root. */
    INDEX,
    /** A pointer to the first element of a list. */
    LIST,
    /** A pointer to the first node of a tree. */
    TREE,
    /** A pointer to an array. */
    TABLE,
    /** A pointer to an array of which a part, that wraps around, is in use. */
    RING,
    /** The sequence count of the type it stands in: odd while the type changes. */
    SEQUENCE;

    private static final FieldKind[] ALL = values();

    /** Whether several elements hang on a field of this kind. */
    public boolean isCollection() {
        return this == LIST || this == TREE || this == TABLE || this == RING;
    }

    /** Whether a field of this kind is a number that fits a long. */
    public boolean isInteger() {
        return switch (this) {
            case UNSIGNED, SIGNED, BOOL, FLAGS, ENUMERATION, POINTER, PHYSICAL, INDEX, LIST, TREE, TABLE, RING, SEQUENCE -> true;
            case OPAQUE, TEXT, STRUCTURE -> false;
        };
    }

    /** The kind with a number of the image, or null. */
    static FieldKind of(int number) {
        return number >= 0 && number < ALL.length ? ALL[number] : null;
    }
}
