package org.veridianos.inspect.sample;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldKind;
import org.veridianos.inspect.image.FieldName;

/**
 * A type in a few words: fields as {@code name type}, separated by commas, where a type is an integer ({@code u8} to {@code u64},
 * {@code i32}), {@code bool}, {@code *T} (pointer), {@code T*N} (array), or a type that was specified before; then what is said
 * beyond that. Offsets follow from the order, as the compiler of the kernel lays out {@code repr(C)}.
 */
final class TypeSpec {

    private final String name;
    private final List<String> fields;
    private final int least;
    private final List<String[]> extras = new ArrayList<>();

    /** @param least bytes that the type has at least */
    TypeSpec(String name, int least, String fields) {
        this.name = name;
        this.least = least;
        this.fields = new ArrayList<>(List.of(fields.split(", ")));
    }

    String name() {
        return name;
    }

    /** One more description of a field: {@code bits}, {@code enum}, {@code flags}, {@code list}, {@code tree}, {@code children}, … */
    TypeSpec also(String... words) {
        extras.add(words);
        return this;
    }

    /** Another field at a position. */
    void insert(int at, String field) {
        fields.add(at, field);
    }

    /** Takes a field away, with what is said of it. */
    void remove(String field) {
        fields.removeIf(f -> f.startsWith(field + " "));
        extras.removeIf(words -> words[1].equals(field));
    }

    /** The fields in another order. */
    void reverse() {
        Collections.reverse(fields);
    }

    /** Another type for a field. */
    void retype(String field, String type) {
        fields.replaceAll(f -> f.startsWith(field + " ") ? field + " " + type : f);
    }

    DescribedType lay(Map<String, DescribedType> known, Map<String, List<FieldName>> names) {
        List<Field> all = new ArrayList<>();
        int at = 0;
        int align = 1;
        for (String field : fields) {
            String[] words = field.split(" ");
            String type = words[1];
            int count = 1;
            if (type.indexOf('*') > 0) {
                count = Integer.parseInt(type.substring(type.indexOf('*') + 1));
                type = type.substring(0, type.indexOf('*'));
            }
            Field one = one(words[0], type, known);
            int unit = Math.min(8, Math.max(1, one.size()));
            int aligned = one.kind() == FieldKind.STRUCTURE ? 8 : Integer.highestOneBit(unit);
            at = at + aligned - 1 & -aligned;
            align = Math.max(align, aligned);
            all.add(new Field(one.name(), one.typeName(), List.of(), at, one.size() * count, count, one.kind(), false, 0, 0));
            at += one.size() * count;
        }
        int size = Math.max(least, at + align - 1 & -align);
        for (String[] words : extras) {
            Field plain = all.stream().filter(f -> f.name().equals(words[1])).findFirst().orElseThrow();
            all.add(extra(plain, words, names));
        }
        return new DescribedType(name, "src/" + name.toLowerCase(Locale.ROOT) + ".rs", 10, size, all);
    }

    private static Field one(String name, String type, Map<String, DescribedType> known) {
        if (type.startsWith("*")) {
            return new Field(name, type.substring(1), List.of(), 0, 8, 1, FieldKind.POINTER, false, 0, 0);
        }
        return switch (type) {
            case "u8", "u16", "u32", "u64" -> new Field(name, type, List.of(), 0, Integer.parseInt(type.substring(1)) / 8, 1, FieldKind.UNSIGNED, false, 0, 0);
            case "i32", "i64" -> new Field(name, type, List.of(), 0, Integer.parseInt(type.substring(1)) / 8, 1, FieldKind.SIGNED, false, 0, 0);
            case "bool" -> new Field(name, type, List.of(), 0, 1, 1, FieldKind.BOOL, false, 0, 0);
            case "str" -> new Field(name, type, List.of(), 0, 16, 1, FieldKind.TEXT, false, 0, 0);
            default -> new Field(name, type, List.of(), 0, known.get(type).size(), 1, FieldKind.STRUCTURE, false, 0, 0);
        };
    }

    private static Field extra(Field f, String[] words, Map<String, List<FieldName>> names) {
        return switch (words[0]) {
            case "bits" -> new Field(words[2], f.typeName(), words.length > 5 ? names.get(words[5]) : List.of(), f.offset(), f.size(), 1,
                    words.length > 5 ? words[5].equals("RIGHTS") ? FieldKind.FLAGS : FieldKind.ENUMERATION : FieldKind.UNSIGNED, false,
                    Integer.parseInt(words[3]), Integer.parseInt(words[4]));
            case "enum" -> with(f, FieldKind.ENUMERATION, f.typeName(), names.get(words[2]));
            case "flags" -> with(f, FieldKind.FLAGS, f.typeName(), names.get(words[2]));
            case "text" -> with(f, FieldKind.TEXT, f.typeName(), List.of());
            case "sequence" -> with(f, FieldKind.SEQUENCE, f.typeName(), List.of());
            case "list" -> with(f, FieldKind.LIST, f.typeName(), List.of(new FieldName(FieldName.NEXT, words[2], "")));
            case "tree" -> with(f, FieldKind.TREE, f.typeName(), List.of(new FieldName(FieldName.LEFT, "left", ""), new FieldName(FieldName.RIGHT, "right", "")));
            case "children" -> with(f, FieldKind.TREE, f.typeName(),
                    List.of(new FieldName(FieldName.FIRST_CHILD, "first_child", ""), new FieldName(FieldName.NEXT, "next", "")));
            case "holds" -> with(f, f.kind(), f.typeName(), List.of(new FieldName(FieldName.INSIDE, words[3], words[2])));
            case "table" -> new Field(f.name(), words[3], List.of(new FieldName(FieldName.LENGTH, words[2], "")), f.offset(), f.size(), 1, FieldKind.TABLE, true, 0, 0);
            default -> throw new IllegalArgumentException(words[0]);
        };
    }

    private static Field with(Field f, FieldKind kind, String typeName, List<FieldName> names) {
        return new Field(f.name(), typeName, names, f.offset(), f.size(), f.count(), kind, f.pointers(), 0, 0);
    }
}
