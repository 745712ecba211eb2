package org.veridianos.inspect.read;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldName;
import org.veridianos.inspect.model.KernelObject;
import org.veridianos.inspect.model.ProcessState;

/** Kernel objects by the address of their header: what kind each is, and what people call it. */
final class ObjectKinds {

    private final KernelMemory memory;
    private final Fields fields;
    private final Field kind;
    private final Map<Long, KernelObject> known = new HashMap<>();

    /** @param header the type that every kernel object begins with, or null */
    ObjectKinds(KernelMemory memory, Fields fields, DescribedType header) {
        this.memory = memory;
        this.fields = fields;
        this.kind = header == null ? null : fields.field(header, "kind").orElse(null);
    }

    /** Notes what people call an object. */
    void name(long address, String kindName, String name) {
        known.put(address, new KernelObject(address, kindName, name));
    }

    void name(ProcessState process) {
        name(process.address(), "Process", process.title());
    }

    /** The object at an address that guest data named. */
    KernelObject at(long address) {
        if (address == 0) {
            return KernelObject.NONE;
        }
        KernelObject object = known.get(address);
        if (object == null) {
            object = KernelObject.unnamed(address, kindAt(address));
            known.put(address, object);
        }
        return object;
    }

    private String kindAt(long address) {
        if (kind == null) {
            return "object";
        }
        try {
            byte[] bytes = memory.read(address + kind.offset(), Math.min(8, kind.size()));
            return kind.nameOf(Access.raw(bytes, 0, kind.size() > 8 ? 8 : kind.size()));
        } catch (Unreadable unreadable) {
            return "object";
        }
    }

    /** The structure that an object of a kind is the header of. */
    Optional<DescribedType> structure(String kindName) {
        if (kind == null) {
            return Optional.empty();
        }
        return kind.names().stream().filter(n -> n.name().equals(kindName)).map(FieldName::typeName).findFirst().flatMap(name -> fields.types().type(name));
    }

    /** The address of the structure whose header is at an address. */
    long structureAt(long header, DescribedType structure) {
        return header - fields.types().path(structure, "object").map(Field::offset).orElse(0);
    }
}
