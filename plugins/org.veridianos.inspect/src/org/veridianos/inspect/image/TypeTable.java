package org.veridianos.inspect.image;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * All types and roots of a kernel.
 *
 * <p>Whoever follows data starts at a root and goes from field to field: the path is what counts, so a type that moves to another
 * module of the kernel is still found.
 */
public final class TypeTable {

    private final Map<String, DescribedType> types = new TreeMap<>();
    private final Map<String, Root> roots = new LinkedHashMap<>();
    private final List<String> problems;

    /** A table; of two types or roots with the same name the first counts and the second is a problem. */
    public TypeTable(List<DescribedType> types, List<Root> roots, List<String> problems) {
        List<String> all = new ArrayList<>(problems);
        for (DescribedType type : types) {
            if (this.types.putIfAbsent(type.name(), type) != null) {
                all.add("the type " + type.name() + " is described twice");
            }
        }
        for (Root root : roots.stream().sorted((a, b) -> a.name().compareTo(b.name())).toList()) {
            if (this.roots.putIfAbsent(root.name(), root) != null) {
                all.add("the root '" + root.name() + "' is described twice");
            }
        }
        this.problems = List.copyOf(all);
    }

    /** Every type, by name. */
    public List<DescribedType> types() {
        return List.copyOf(types.values());
    }

    /** Every root, by name. */
    public List<Root> roots() {
        return List.copyOf(roots.values());
    }

    /** What is wrong with the description, in words; empty for a sound one. */
    public List<String> problems() {
        return problems;
    }

    /** The type with a full name. */
    public Optional<DescribedType> type(String name) {
        return Optional.ofNullable(types.get(name));
    }

    /** The root called {@code name}. */
    public Optional<Root> root(String name) {
        return Optional.ofNullable(roots.get(name));
    }

    /**
     * The field at the end of a path of names joined by dots, its offset counted from the start of {@code type}. Each step but the
     * last is a structure; names that a structure says of collections inside it are handed on.
     */
    public Optional<Field> path(DescribedType type, String path) {
        int dot = path.indexOf('.');
        Optional<Field> first = type.field(dot < 0 ? path : path.substring(0, dot));
        if (dot < 0 || first.isEmpty()) {
            return first;
        }
        Field outer = first.get();
        if (outer.kind() != FieldKind.STRUCTURE) {
            return Optional.empty();
        }
        return type(outer.typeName()).flatMap(inner -> path(inner, path.substring(dot + 1))).map(f -> held(outer, f).shifted(outer.offset()));
    }

    /**
     * The collection at the end of a path, or the first one inside the structure there: a list may stand in a type of its own.
     * Its offset is counted from the start of {@code type}.
     */
    public Optional<Field> collection(DescribedType type, String path) {
        return path(type, path).flatMap(field -> collectionIn(field, 4));
    }

    private Optional<Field> collectionIn(Field field, int depth) {
        if (field.kind().isCollection()) {
            return Optional.of(field);
        }
        DescribedType inner = field.kind() == FieldKind.STRUCTURE && depth > 0 ? types.get(field.typeName()) : null;
        if (inner == null) {
            return Optional.empty();
        }
        for (Field each : inner.fields()) {
            Optional<Field> found = inner.field(each.name()).map(f -> held(field, f)).flatMap(f -> collectionIn(f, depth - 1));
            if (found.isPresent()) {
                return found.map(f -> f.shifted(field.offset()));
            }
        }
        return Optional.empty();
    }

    /** A field of a structure with what the field that holds the structure says of its collections. */
    public static Field held(Field holder, Field inner) {
        Optional<FieldName> inside = holder.kind() == FieldKind.STRUCTURE ? holder.role(FieldName.INSIDE) : Optional.empty();
        if (inside.isEmpty() || !(inner.kind().isCollection() || inner.kind() == FieldKind.STRUCTURE)) {
            return inner;
        }
        List<FieldName> names = new ArrayList<>(inner.names().stream().filter(n -> n.value() != FieldName.INSIDE).toList());
        names.add(inside.get());
        return inner.withNames(names);
    }
}
