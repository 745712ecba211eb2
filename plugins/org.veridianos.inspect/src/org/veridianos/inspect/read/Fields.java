package org.veridianos.inspect.read;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldName;
import org.veridianos.inspect.image.Root;
import org.veridianos.inspect.image.TypeTable;

/** Finds what a typed view needs, and notes what the kernel lacks. */
final class Fields {

    private final TypeTable types;
    private final Set<String> missing = new TreeSet<>();

    Fields(TypeTable types) {
        this.types = types;
    }

    TypeTable types() {
        return types;
    }

    /** What was looked for in vain. */
    List<String> missing() {
        return new ArrayList<>(missing);
    }

    /** A root, or empty. */
    Optional<Root> root(String name) {
        Optional<Root> root = types.root(name);
        if (root.isEmpty()) {
            missing.add("root '" + name + "'");
        }
        return root;
    }

    /** The type of what a field holds, points at or collects: inside of what is linked, if it says so. */
    Optional<DescribedType> target(Field field) {
        String name = field.role(FieldName.INSIDE).map(n -> n.typeName()).orElse(field.typeName());
        Optional<DescribedType> type = types.type(name);
        if (type.isEmpty()) {
            missing.add("type '" + name + "'");
        }
        return type;
    }

    /** A field by its path. */
    Optional<Field> field(DescribedType type, String path) {
        Optional<Field> field = types.path(type, path);
        if (field.isEmpty()) {
            missing.add(type.simpleName() + "." + path);
        }
        return field;
    }

    /** A collection by its path, or inside the structure there; kernels call it by one of these names. */
    Optional<Field> collection(DescribedType type, String... paths) {
        for (String path : paths) {
            Optional<Field> field = types.collection(type, path);
            if (field.isPresent()) {
                return field;
            }
        }
        missing.add(type.simpleName() + "." + paths[0]);
        return Optional.empty();
    }

    /** Access to a field by its path; of one that is missing, access that reads 0. */
    Access access(DescribedType type, String path) {
        return field(type, path).map(Access::new).orElse(Access.MISSING);
    }

    /** Access to a field that not every kernel needs to have. */
    Access optional(DescribedType type, String path) {
        return types.path(type, path).map(Access::new).orElse(Access.MISSING);
    }
}
