package org.veridianos.inspect.read;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldKind;
import org.veridianos.inspect.image.FieldName;
import org.veridianos.inspect.image.Root;
import org.veridianos.inspect.image.TypeTable;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.ObjectNode;
import org.veridianos.inspect.model.ObjectTree;

/**
 * Decodes any root by the table alone. Only what is expanded is read, since data runs in circles.
 *
 * <p>A type with a sequence count is copied between two equal even counts; others until two copies agree.
 */
final class ObjectTreeReader {

    private static final int MOST_ELEMENTS = 10_000;
    private static final int LARGEST = 1 << 20;
    private static final int OPAQUE_BYTES = 64;

    private final KernelMemory memory;
    private final TypeTable types;
    private final Collections collections;
    private final Cancel cancel;
    private final Request request;
    private int left;

    ObjectTreeReader(KernelMemory memory, Collections collections, Cancel cancel, Request request) {
        this.memory = memory;
        this.types = memory.image().types();
        this.collections = collections;
        this.cancel = cancel;
        this.request = request;
        this.left = Math.min(request.limit(), 500_000);
    }

    ObjectTree read() {
        List<ObjectNode> roots = new ArrayList<>();
        for (Root root : types.roots()) {
            cancel.check();
            ObjectNode node;
            try {
                byte[] data = read(root.address(), root.data().offset() + root.data().size(), null);
                node = field(null, root.data(), root.address(), data, 0, root.name(), root.name(), 0);
            } catch (Unreadable unreadable) {
                node = broken(root.name(), root.name(), root.data().typeName(), root.address(), unreadable.getMessage());
            }
            roots.add(node.line() > 0 ? node : placed(node, root));
        }
        return new ObjectTree(roots, left > 0);
    }

    private static ObjectNode placed(ObjectNode n, Root root) {
        return new ObjectNode(n.path(), n.name(), n.type(), n.kind(), n.value(), n.address(), root.file(), root.line(), n.expandable(), n.children(),
                n.consistency());
    }

    private static ObjectNode broken(String path, String name, String type, long address, String reason) {
        return new ObjectNode(path, name, type, "unreadable", "", address, "", 0, false, List.of(), Consistency.broken(reason));
    }

    private boolean open(String path, int depth) {
        return left > 0 && (depth < request.depth() || request.expanded().contains(path));
    }

    /** A copy of a structure; a sequence count, if there is one, is read before and after. */
    private byte[] read(long address, int size, DescribedType type) throws Unreadable {
        if (size < 0 || size > LARGEST) {
            throw new Unreadable("it is " + Integer.toUnsignedString(size) + " bytes large, which is too much to show");
        }
        return memory.read(address, size);
    }

    private record Copy(byte[] bytes, Consistency consistency) {
    }

    private Copy stable(long address, DescribedType type) throws Unreadable {
        Access sequence = type.sequence().map(Access::new).orElse(null);
        byte[] before = read(address, type.size(), type);
        for (int i = 0; i < Span.TRIES; i++) {
            byte[] after = read(address, type.size(), type);
            boolean still = sequence != null ? (sequence.get(before, 0) & 1) == 0 && sequence.get(before, 0) == sequence.get(after, 0)
                    : Arrays.equals(before, after);
            if (still) {
                return new Copy(before, Consistency.OK);
            }
            before = after;
        }
        return new Copy(before, Consistency.broken("it changed while it was read"));
    }

    /**
     * The node of a field.
     *
     * @param owner   type that has the field, or null for a root's
     * @param address of the owner
     * @param data    a copy of the owner, which begins at {@code base}
     */
    private ObjectNode field(DescribedType owner, Field field, long address, byte[] data, int base, String name, String path, int depth) {
        left--;
        if (field.count() > 1 && field.kind() != FieldKind.TEXT && field.kind() != FieldKind.OPAQUE) {
            return array(owner, field, address, data, base, name, path, depth);
        }
        DescribedType type = types.type(field.typeName()).orElse(null);
        long at = address + field.offset();
        Access access = new Access(field);
        String typeName = field.typeName();
        String file = type == null ? "" : type.file();
        int line = type == null ? 0 : type.line();
        String kind = field.kind().name().toLowerCase(Locale.ROOT);
        return switch (field.kind()) {
            case STRUCTURE -> {
                List<ObjectNode> children = type != null && open(path, depth) ? structure(type, field, at, data, base + field.offset(), path, depth) : List.of();
                yield new ObjectNode(path, name, typeName, kind, "", at, file, line, type != null && !type.fields().isEmpty(), children,
                        type == null ? Consistency.broken("the kernel does not describe this type") : Consistency.OK);
            }
            case POINTER -> pointer(field, type, access.get(data, base), name, path, depth);
            case LIST, TREE, TABLE, RING -> collection(owner, field, address, name, path, depth);
            case OPAQUE -> new ObjectNode(path, name, typeName, kind, bytes(data, base + field.offset(), field.size()), at, file, line, false, List.of(), Consistency.OK);
            case TEXT -> text(access, data, base, at, name, path);
            default -> new ObjectNode(path, name, typeName, kind, scalar(access, field, data, base), at, file, line, false, List.of(), Consistency.OK);
        };
    }

    private ObjectNode text(Access access, byte[] data, int base, long at, String name, String path) {
        String value = "";
        Consistency consistency = Consistency.OK;
        try {
            value = '"' + memory.text(access, data, base) + '"';
        } catch (Unreadable unreadable) {
            consistency = Consistency.broken(unreadable.getMessage());
        }
        return new ObjectNode(path, name, access.field().typeName(), "text", value, at, "", 0, false, List.of(), consistency);
    }

    private static String scalar(Access access, Field field, byte[] data, int base) {
        long value = access.get(data, base);
        return switch (field.kind()) {
            case SIGNED -> Long.toString(value);
            case BOOL -> value == 0 ? "false" : value == 1 ? "true" : "neither true nor false: " + value;
            case FLAGS -> field.flagsOf(value);
            case ENUMERATION -> field.nameOf(value);
            case PHYSICAL -> "0x" + Long.toHexString(value);
            default -> field.stride() == 16 ? "0x" + Long.toHexString(Access.raw(data, base + field.offset() + 8, 8)) + String.format("%016x", value)
                    : value >>> 40 == 0 ? Long.toString(value) : Long.toUnsignedString(value) + " (0x" + Long.toHexString(value) + ")";
        };
    }

    private static String bytes(byte[] data, int at, int size) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < Math.min(size, OPAQUE_BYTES) && at + i < data.length; i++) {
            text.append(i > 0 && i % 8 == 0 ? " " : "").append(String.format("%02x", data[at + i]));
        }
        return size > OPAQUE_BYTES ? text + " …" : text.toString();
    }

    private List<ObjectNode> structure(DescribedType type, Field holder, long address, byte[] data, int base, String path, int depth) {
        List<ObjectNode> children = new ArrayList<>();
        for (Field each : type.fields()) {
            Field field = holder == null ? each : TypeTable.held(holder, each);
            // A field that is described once more, as a collection or an enumeration, is shown by that alone.
            if (type.field(each.name()).orElse(each) == each && left > 0) {
                children.add(field(type, field, address, data, base, each.name(), path + "/" + each.name(), depth + 1));
            }
        }
        return children;
    }

    private ObjectNode array(DescribedType owner, Field field, long address, byte[] data, int base, String name, String path, int depth) {
        List<ObjectNode> children = new ArrayList<>();
        if (open(path, depth)) {
            for (int i = 0; i < Math.min(field.count(), MOST_ELEMENTS) && left > 0; i++) {
                Field element = new Field("[" + i + "]", field.typeName(), field.names(), field.offset() + i * field.stride(), field.stride(), 1, field.kind(),
                        field.pointers(), field.firstBit(), field.bits());
                children.add(field(owner, element, address, data, base, element.name(), path + "/" + element.name(), depth + 1));
            }
        }
        Optional<DescribedType> type = types.type(field.typeName());
        return new ObjectNode(path, name, field.typeName(), "array", field.count() + " elements", address + field.offset(), type.map(DescribedType::file).orElse(""),
                type.map(DescribedType::line).orElse(0), true, children,
                field.count() > MOST_ELEMENTS ? Consistency.broken("the first " + MOST_ELEMENTS + " elements are shown") : Consistency.OK);
    }

    private ObjectNode pointer(Field field, DescribedType type, long target, String name, String path, int depth) {
        String value = target == 0 ? "null" : "0x" + Long.toHexString(target);
        if (target == 0 || type == null || field.pointers()) {
            return new ObjectNode(path, name, field.typeName(), "pointer", value, target, type == null ? "" : type.file(), type == null ? 0 : type.line(), false,
                    List.of(), Consistency.OK);
        }
        return element(type, target, name, path, depth, "pointer", value);
    }

    /** A structure that something leads to. An object's header leads to the object that it begins. */
    private ObjectNode element(DescribedType stated, long target, String name, String path, int depth, String kind, String value) {
        DescribedType type = stated;
        long address = target;
        List<ObjectNode> children = List.of();
        Consistency consistency = Consistency.OK;
        try {
            Optional<Field> tag = stated.field("kind").filter(f -> f.kind() == FieldKind.ENUMERATION && f.names().stream().anyMatch(n -> !n.typeName().isEmpty()));
            if (tag.isPresent()) {
                long number = new Access(tag.get().shifted(-tag.get().offset())).get(memory.read(target + tag.get().offset(), tag.get().size()), 0);
                Optional<DescribedType> whole = tag.get().names().stream().filter(n -> n.value() == number).map(FieldName::typeName).findFirst().flatMap(types::type);
                Optional<Field> header = whole.flatMap(w -> types.path(w, "object"));
                if (header.isPresent()) {
                    type = whole.get();
                    address = target - header.get().offset();
                }
            }
            if (open(path, depth)) {
                Copy copy = stable(address, type);
                consistency = copy.consistency;
                children = structure(type, null, address, copy.bytes, 0, path, depth);
            } else {
                memory.physical(address);
            }
        } catch (Unreadable unreadable) {
            return new ObjectNode(path, name, type.name(), kind, value, address, type.file(), type.line(), false, List.of(),
                    Consistency.broken(unreadable.getMessage()));
        }
        return new ObjectNode(path, name, type.name(), kind, value, address, type.file(), type.line(), !type.fields().isEmpty(), children, consistency);
    }

    private ObjectNode collection(DescribedType owner, Field field, long address, String name, String path, int depth) {
        String kind = field.kind().name().toLowerCase(Locale.ROOT);
        Collections.Elements elements = collections.walk(owner, field, address, MOST_ELEMENTS);
        for (int i = 1; i < Span.TRIES && elements.problem() != null; i++) {
            elements = collections.walk(owner, field, address, MOST_ELEMENTS);
        }
        List<ObjectNode> children = new ArrayList<>();
        int count = 0;
        for (int i = 0; i < elements.addresses().length; i++) {
            long target = elements.addresses()[i];
            if (target == 0) {
                continue;
            }
            count++;
            if (open(path, depth) && elements.type() != null) {
                left--;
                String index = "[" + i + "]";
                children.add(element(elements.type(), target, index, path + "/" + index, depth + 1, "element", "0x" + Long.toHexString(target)));
            }
        }
        DescribedType type = elements.type();
        return new ObjectNode(path, name, type == null ? field.typeName() : type.name(), kind, count + (count == 1 ? " element" : " elements"),
                address + field.offset(), type == null ? "" : type.file(), type == null ? 0 : type.line(), count > 0, children,
                elements.problem() == null ? Consistency.OK : Consistency.broken(elements.problem()));
    }
}
