package org.veridianos.inspect.read;

import java.util.Arrays;
import java.util.Optional;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldName;
import org.veridianos.inspect.image.TypeTable;

/** Walks lists, trees, tables and rings; every walk ends at a limit, at a cycle, or at what cannot be read. */
public final class Collections {

    /**
     * What a walk found.
     *
     * @param addresses of the elements, in order; 0 for a place of a table that is empty
     * @param type      of the elements, or null when the description does not say
     * @param problem   why the walk ended early, or null when it is whole
     */
    public record Elements(long[] addresses, DescribedType type, String problem) {
    }

    private static final class Collected {
        private long[] addresses = new long[16];
        private int count;

        void add(long address) {
            if (count == addresses.length) {
                addresses = Arrays.copyOf(addresses, count * 2);
            }
            addresses[count++] = address;
        }

        long[] all() {
            return Arrays.copyOf(addresses, count);
        }
    }

    private final KernelMemory memory;
    private final TypeTable types;
    private final Cancel cancel;

    /** Walks in {@code memory}. */
    public Collections(KernelMemory memory, Cancel cancel) {
        this.memory = memory;
        this.types = memory.image().types();
        this.cancel = cancel;
    }

    /**
     * The elements of a collection.
     *
     * @param owner   the type that has the collection, for length, head, tail and capacity; null for a root
     * @param field   the collection, its offset counted from {@code address}
     * @param address of the owner
     * @param limit   the most elements
     */
    public Elements walk(DescribedType owner, Field field, long address, int limit) {
        Optional<FieldName> inside = field.role(FieldName.INSIDE);
        DescribedType element = types.type(field.typeName()).orElse(null);
        DescribedType collected = inside.isPresent() ? types.type(inside.get().typeName()).orElse(null) : element;
        Collected found = new Collected();
        String problem = null;
        int back = 0;
        try {
            if (element == null) {
                throw new Unreadable("the kernel does not describe the type '" + field.typeName() + "' of its elements");
            }
            if (inside.isPresent()) {
                Field link = collected == null ? null : types.path(collected, inside.get().name()).orElse(null);
                if (link == null) {
                    throw new Unreadable("the kernel does not describe '" + inside.get().name() + "' in '" + inside.get().typeName() + "'");
                }
                back = link.offset();
            }
            switch (field.kind()) {
                case LIST -> list(element, field, address + field.offset(), limit, found);
                case TREE -> tree(element, field, address + field.offset(), limit, found);
                case TABLE -> table(owner, element, field, address, limit, found);
                case RING -> ring(owner, element, field, address, limit, found);
                default -> throw new Unreadable(field.name() + " is no collection");
            }
        } catch (Unreadable unreadable) {
            problem = unreadable.getMessage();
        }
        long[] addresses = found.all();
        if (back != 0) {
            for (int i = 0; i < addresses.length; i++) {
                addresses[i] -= back;
            }
        }
        return new Elements(addresses, collected, problem);
    }

    private Field role(DescribedType type, Field collection, int role, String what) throws Unreadable {
        String path = collection.role(role).orElseThrow(() -> new Unreadable("'" + collection.name() + "' does not name its " + what)).name();
        return types.path(type, path).orElseThrow(() -> new Unreadable("the kernel lacks the field '" + path + "' of " + type.simpleName()));
    }

    private void add(Collected found, long address, int limit) throws Unreadable {
        if (found.count >= limit) {
            throw new Unreadable("more than " + limit + " elements; the rest is not read");
        }
        if ((found.count & 255) == 255) {
            cancel.check();
        }
        found.add(address);
    }

    private void list(DescribedType element, Field field, long start, int limit, Collected found) throws Unreadable {
        int next = role(element, field, FieldName.NEXT, "next element").offset();
        LongSet seen = new LongSet();
        for (long at = memory.readLong(start); at != 0 && at != start; at = memory.readLong(at + next)) {
            if (!seen.add(at)) {
                throw new Unreadable("the list runs in a circle at 0x" + Long.toHexString(at));
            }
            add(found, at, limit);
        }
    }

    /** Nodes with two children in order; of nodes with any number of children the siblings, each of which has its own field. */
    private void tree(DescribedType element, Field field, long start, int limit, Collected found) throws Unreadable {
        if (field.role(FieldName.LEFT).isEmpty()) {
            list(element, field, start, limit, found);
            return;
        }
        int left = role(element, field, FieldName.LEFT, "left child").offset();
        int right = role(element, field, FieldName.RIGHT, "right child").offset();
        LongSet seen = new LongSet();
        Collected open = new Collected();
        long at = memory.readLong(start);
        while (at != 0 || open.count > 0) {
            while (at != 0) {
                if (!seen.add(at)) {
                    throw new Unreadable("the tree runs in a circle at 0x" + Long.toHexString(at));
                }
                if (open.count >= limit) {
                    throw new Unreadable("more than " + limit + " elements; the rest is not read");
                }
                open.add(at);
                at = memory.readLong(at + left);
            }
            long node = open.addresses[--open.count];
            add(found, node, limit);
            at = memory.readLong(node + right);
        }
    }

    private void table(DescribedType owner, DescribedType element, Field field, long address, int limit, Collected found) throws Unreadable {
        long length = owner == null ? 0 : integer(role(owner, field, FieldName.LENGTH, "length"), address);
        if (length < 0 || length > limit) {
            places(element, field, memory.readLong(address + field.offset()), limit, found);
            throw new Unreadable("it says that it has " + Long.toUnsignedString(length) + " elements; the first " + limit + " are read");
        }
        places(element, field, memory.readLong(address + field.offset()), (int) length, found);
    }

    private void places(DescribedType element, Field field, long start, int count, Collected found) throws Unreadable {
        if (count == 0) {
            return;
        }
        if (field.pointers()) {
            int block = 512;
            for (int done = 0; done < count; done += block) {
                int now = Math.min(block, count - done);
                byte[] pointers = memory.read(start + 8L * done, 8 * now);
                cancel.check();
                for (int i = 0; i < now; i++) {
                    found.add(Access.raw(pointers, 8 * i, 8));
                }
            }
        } else {
            for (int i = 0; i < count; i++) {
                add(found, start + (long) i * element.size(), count);
            }
        }
    }

    private void ring(DescribedType owner, DescribedType element, Field field, long address, int limit, Collected found) throws Unreadable {
        if (owner == null) {
            throw new Unreadable("a ring cannot be a root");
        }
        long head = integer(role(owner, field, FieldName.HEAD, "head"), address);
        long tail = integer(role(owner, field, FieldName.TAIL, "tail"), address);
        long capacity = integer(role(owner, field, FieldName.CAPACITY, "capacity"), address);
        if (capacity <= 0 || tail - head < 0 || tail - head > capacity) {
            throw new Unreadable("head " + Long.toUnsignedString(head) + ", tail " + Long.toUnsignedString(tail) + " and capacity "
                    + Long.toUnsignedString(capacity) + " fit no ring");
        }
        long start = memory.readLong(address + field.offset());
        for (long at = head; at != tail; at++) {
            long place = start + Long.remainderUnsigned(at, capacity) * (field.pointers() ? 8 : element.size());
            add(found, field.pointers() ? memory.readLong(place) : place, limit);
        }
    }

    private long integer(Field field, long address) throws Unreadable {
        Access access = new Access(field.shifted(-field.offset()));
        return access.get(memory.read(address + field.offset(), Math.min(field.size(), 64)), 0);
    }
}
