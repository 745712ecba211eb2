package org.veridianos.inspect.image;

import java.util.List;
import java.util.Optional;

/**
 * A type of the kernel.
 *
 * @param name   full path, such as {@code veridian_kernel::cap::slot::Slot}
 * @param file   source file, relative to the kernel's package
 * @param line   source line, from 1
 * @param size   bytes
 * @param fields its fields; empty for an enumeration, whose names hang on the fields that hold it
 */
public record DescribedType(String name, String file, int line, int size, List<Field> fields) {

    /** Copies the list. */
    public DescribedType {
        fields = List.copyOf(fields);
    }

    /** The last part of the name. */
    public String simpleName() {
        return name.substring(name.lastIndexOf(':') + 1);
    }

    /** The fullest description of the field called {@code name}: what was said beyond its type comes last. */
    public Optional<Field> field(String wanted) {
        Field found = null;
        for (Field field : fields) {
            if (field.name().equals(wanted)) {
                found = field;
            }
        }
        return Optional.ofNullable(found);
    }

    /** The field that counts changes, if the type has one. */
    public Optional<Field> sequence() {
        return fields.stream().filter(f -> f.kind() == FieldKind.SEQUENCE).findFirst();
    }
}
