package org.veridianos.inspect.read;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldName;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.inspect.model.CapabilitySpace.Chunk;
import org.veridianos.inspect.model.CapabilitySpace.Place;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.KernelObject;
import org.veridianos.inspect.model.ProcessState;

/**
 * Reads capability spaces: those of processes, and every other that a derivation edge leads to (a namespace's, a channel's).
 *
 * <p>A slot is read as the kernel reads it: the tag, then the rest, then the tag again; a tag that stood still vouches for what lay
 * between.
 */
final class CapabilityReader {

    private static final int INDEX_BITS = 24;

    private final KernelMemory memory;
    private final Fields fields;
    private final Collections collections;
    private final Cancel cancel;
    private final int limit;
    private final List<String> problems;
    private final ObjectKinds objects;
    private final LongSet chunksSeen = new LongSet();
    private final LongSet spacesSeen = new LongSet();
    private final Deque<Long> found = new ArrayDeque<>();
    private final List<CapabilitySpace> spaces = new ArrayList<>();
    private long lastSeen;
    private int total;

    CapabilityReader(KernelMemory memory, Fields fields, Collections collections, Cancel cancel, int limit, List<String> problems, ObjectKinds objects) {
        this.memory = memory;
        this.fields = fields;
        this.collections = collections;
        this.cancel = cancel;
        this.limit = limit;
        this.problems = problems;
        this.objects = objects;
    }

    /** Everything the reader needs of the three types; a missing one ends it. */
    private final class SlotFields {
        DescribedType directory;
        Field chunks;
        Access id;
        Access holder;
        Access directoryAt;
        Access most;
        int chunkSize;
        int slotsAt;
        int slotSize;
        int slotCount;
        int tagAt;
        Access generation;
        Access kind;
        Access live;
        Access rights;
        Access policy;
        Access revoking;
        Access loose;
        Access object;
        Access badge;
        Access parent;
        Access firstChild;
        Access next;
        Access space;
        List<String> rightNames = List.of();

        boolean find(DescribedType process) {
            DescribedType type = fields.field(process, "space").flatMap(fields::target).orElse(null);
            Field toDirectory = type == null ? null : fields.field(type, "directory").orElse(null);
            directory = toDirectory == null ? null : fields.target(toDirectory).orElse(null);
            chunks = directory == null ? null : fields.field(directory, "chunks").orElse(null);
            DescribedType chunk = chunks == null ? null : fields.target(chunks).orElse(null);
            Field slots = chunk == null ? null : fields.field(chunk, "slots").orElse(null);
            DescribedType slot = slots == null ? null : fields.target(slots).orElse(null);
            Field tag = slot == null ? null : fields.field(slot, "tag").orElse(null);
            if (tag == null || slots.stride() < 8 || slots.stride() > 4096 || chunk.size() > 1 << 16 || slots.size() > chunk.size()) {
                return false;
            }
            id = fields.access(type, "id");
            holder = fields.access(type, "holder");
            directoryAt = new Access(toDirectory);
            most = fields.access(type, "store.limit");
            chunkSize = chunk.size();
            slotsAt = slots.offset();
            slotSize = slots.stride();
            slotCount = slots.count();
            tagAt = tag.offset();
            generation = fields.access(slot, "generation");
            kind = fields.access(slot, "kind");
            live = fields.access(slot, "live");
            rights = fields.access(slot, "rights");
            policy = fields.access(slot, "policy");
            revoking = fields.optional(slot, "revoking");
            loose = fields.optional(slot, "loose");
            object = fields.access(slot, "object");
            badge = fields.access(slot, "badge");
            parent = fields.access(slot, "parent");
            firstChild = fields.access(slot, "first_child");
            next = fields.access(slot, "next");
            space = fields.access(slot, "space");
            if (rights.exists()) {
                rightNames = rights.field().names().stream().sorted(Comparator.comparingLong(FieldName::value)).map(FieldName::name).toList();
            }
            return true;
        }
    }

    List<CapabilitySpace> read(DescribedType process, List<ProcessState> processes, Map<Long, ProcessState> bySpace) {
        SlotFields f = new SlotFields();
        if (process == null || !f.find(process)) {
            return spaces;
        }
        for (ProcessState owner : processes) {
            if (owner.space() != 0 && spacesSeen.add(owner.space())) {
                space(f, owner.space(), owner);
            }
        }
        while (!found.isEmpty()) {
            long slot = found.poll();
            if (chunksSeen.contains(chunkOf(f, slot))) {
                continue;
            }
            try {
                long address = memory.readLong(slot + f.space.offset());
                if (address != 0 && spacesSeen.add(address)) {
                    space(f, address, bySpace.get(address));
                }
            } catch (Unreadable unreadable) {
                problems.add("the slot at 0x" + Long.toHexString(slot) + ", which a derivation names: " + unreadable.getMessage());
            }
        }
        return spaces;
    }

    private static long chunkOf(SlotFields f, long slot) {
        return (f.chunkSize & f.chunkSize - 1) == 0 ? slot & -f.chunkSize : slot - Long.remainderUnsigned(slot, f.chunkSize);
    }

    private void space(SlotFields f, long address, ProcessState owner) {
        cancel.check();
        List<Chunk> chunks = new ArrayList<>();
        List<Capability> capabilities = new ArrayList<>();
        KernelObject holder = owner == null ? KernelObject.NONE : new KernelObject(owner.address(), "Process", owner.title());
        long id = 0;
        long most = 0;
        String problem = null;
        try {
            Span head = new Span(f.id, f.holder, f.directoryAt, f.most);
            byte[] bytes = new byte[head.length()];
            head.read(memory, address, bytes, new byte[bytes.length]);
            id = f.id.get(bytes, head.base());
            most = f.most.get(bytes, head.base());
            if (owner == null) {
                holder = objects.at(f.holder.get(bytes, head.base()));
            }
            Collections.Elements directory = collections.walk(f.directory, f.chunks, f.directoryAt.get(bytes, head.base()), 1 << INDEX_BITS - 6);
            problem = directory.problem();
            byte[] copy = new byte[f.chunkSize];
            long[] tags = new long[f.slotCount];
            for (int i = 0; i < directory.addresses().length; i++) {
                long chunk = directory.addresses()[i];
                if (chunk == 0) {
                    continue;
                }
                if (!chunksSeen.add(chunk)) {
                    problem = "two places of spaces lead to the chunk at 0x" + Long.toHexString(chunk);
                    continue;
                }
                if ((i & 63) == 0) {
                    cancel.check();
                }
                try {
                    chunks.add(chunk(f, i, chunk, copy, tags, capabilities));
                } catch (Unreadable unreadable) {
                    problem = "chunk " + i + ": " + unreadable.getMessage();
                }
                if (total > limit) {
                    problem = "more than " + limit + " capabilities; the rest is not read";
                    break;
                }
            }
        } catch (Unreadable unreadable) {
            problem = unreadable.getMessage();
        }
        spaces.add(new CapabilitySpace(address, id, holder, owner == null ? 0 : owner.pid(), chunks, capabilities, most, f.rightNames,
                problem == null ? Consistency.OK : Consistency.broken(problem)));
    }

    private Chunk chunk(SlotFields f, int number, long address, byte[] copy, long[] tags, List<Capability> capabilities) throws Unreadable {
        for (int i = 0; i < f.slotCount; i++) {
            tags[i] = memory.readLong(address + f.slotsAt + (long) i * f.slotSize + f.tagAt);
        }
        memory.read(address, copy, 0, f.chunkSize);
        Place[] places = new Place[f.slotCount];
        for (int i = 0; i < f.slotCount; i++) {
            int base = f.slotsAt + i * f.slotSize;
            boolean stable = memory.readLong(address + base + f.tagAt) == tags[i] && Access.raw(copy, base + f.tagAt, 8) == tags[i];
            for (int again = 1; !stable && again < Span.TRIES; again++) {
                long before = memory.readLong(address + base + f.tagAt);
                memory.read(address + base, copy, base, f.slotSize);
                stable = memory.readLong(address + base + f.tagAt) == before && Access.raw(copy, base + f.tagAt, 8) == before;
            }
            if (i == 0 && number >= 0 && f.live.get(copy, base) == 0) {
                places[i] = Place.HEADER;
            } else if (f.live.get(copy, base) != 0) {
                places[i] = Place.LIVE;
                capabilities.add(capability(f, number * f.slotCount + i, address + base, copy, base, stable));
                total++;
            } else {
                places[i] = switch (f.kind.name(copy, base)) {
                    case "Dying" -> Place.DYING;
                    case "Retired" -> Place.RETIRED;
                    default -> Place.FREE;
                };
            }
        }
        return new Chunk(number, address, List.of(places));
    }

    private Capability capability(SlotFields f, int index, long address, byte[] copy, int base, boolean stable) {
        int generation = (int) f.generation.get(copy, base);
        int flags = (f.revoking.get(copy, base) != 0 ? Capability.REVOKING : 0) | (f.loose.get(copy, base) != 0 ? Capability.LOOSE : 0)
                | (stable ? 0 : Capability.INCONSISTENT);
        long parent = f.parent.get(copy, base);
        long firstChild = f.firstChild.get(copy, base);
        long next = f.next.get(copy, base);
        follow(f, parent);
        follow(f, firstChild);
        follow(f, next);
        return new Capability(address, (generation & 0xffff_ffffL) << INDEX_BITS | index, generation, f.object.get(copy, base), f.kind.name(copy, base),
                (int) f.rights.get(copy, base), f.badge.get(copy, base), f.policy.name(copy, base), flags, parent, firstChild, next);
    }

    private void follow(SlotFields f, long slot) {
        if (slot == 0) {
            return;
        }
        long chunk = chunkOf(f, slot);
        if (chunk != lastSeen) {
            if (chunksSeen.contains(chunk)) {
                lastSeen = chunk;
            } else if (found.size() < limit) {
                found.add(slot);
            }
        }
    }
}
