package org.veridianos.inspect.image;

/**
 * A value, mask or role with a name.
 *
 * @param value    the value of an enumeration, the mask of a flag, or the role in a collection
 * @param name     the name, or the path of the field that has the role
 * @param typeName the type that the value leads to, often empty
 */
public record FieldName(long value, String name, String typeName) {

    /** Role: the next element of a list, in the element. */
    public static final int NEXT = 1;
    /** Role: the first child of a node, in the element. */
    public static final int FIRST_CHILD = 2;
    /** Role: the smaller child of a node, in the element. */
    public static final int LEFT = 3;
    /** Role: the greater child of a node, in the element. */
    public static final int RIGHT = 4;
    /** Role: number of elements, in the type that has the collection. */
    public static final int LENGTH = 5;
    /** Role: count of the first element in use, in the type that has the collection. */
    public static final int HEAD = 6;
    /** Role: count behind the last element in use, in the type that has the collection. */
    public static final int TAIL = 7;
    /** Role: number of places, in the type that has the collection. */
    public static final int CAPACITY = 8;
    /** Role: the element is the field with this path inside the type named, which is what is really collected. */
    public static final int INSIDE = 9;
}
