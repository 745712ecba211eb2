package org.veridianos.inspect.read;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldName;
import org.veridianos.inspect.image.Root;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.Frames;
import org.veridianos.inspect.model.PhysicalMemory;
import org.veridianos.inspect.model.ReservedRange;
import org.veridianos.inspect.model.SlabClass;
import org.veridianos.inspect.model.Zone;

/** Reads zones, slab caches, reserved ranges and, if asked for, the record of every frame. */
final class PhysicalMemoryReader {

    /** Elements of a root that are looked at, whatever it says of its length. */
    private static final int MOST_RECORDS = 4096;
    private static final int MOST_ZONES = 1024;
    private static final int MOST_ORDERS = 64;
    private static final List<String> NAMES = List.of("Dma", "Normal", "High");

    private final KernelMemory memory;
    private final Fields fields;
    private final Collections collections;
    private final Cancel cancel;
    private final int limit;
    private final List<String> problems;

    PhysicalMemoryReader(KernelMemory memory, Fields fields, Collections collections, Cancel cancel, int limit, List<String> problems) {
        this.memory = memory;
        this.fields = fields;
        this.collections = collections;
        this.cancel = cancel;
        this.limit = limit;
        this.problems = problems;
    }

    PhysicalMemory read(boolean zonesToo, boolean framesToo) {
        Frames frames = framesToo ? frames() : new Frames(List.of(), List.of());
        return zonesToo ? new PhysicalMemory(zones(), slabs(), reserved(), frames) : new PhysicalMemory(List.of(), List.of(), List.of(), frames);
    }

    /** What the records of 2 MiB blocks say of one zone. */
    private static final class Counted {
        final int[] chunks = new int[MOST_ORDERS];
        int partial;
        long partialFree;
    }

    private List<Zone> zones() {
        List<Zone> zones = new ArrayList<>();
        Optional<Root> root = fields.root("memory nodes");
        DescribedType node = root.flatMap(r -> fields.target(r.data())).orElse(null);
        Field array = node == null ? null : fields.field(node, "zones").orElse(null);
        DescribedType zone = array == null ? null : fields.target(array).orElse(null);
        if (zone == null) {
            return zones;
        }
        Access free = fields.access(zone, "free");
        Access total = fields.access(zone, "total");
        Access index = fields.access(zone, "index");
        Access orders = fields.optional(zone, "chunks");
        Span span = new Span(free, total, index);
        List<Counted> counted = new ArrayList<>();
        String problem = blocks(counted);
        byte[] bytes = new byte[span.length()];
        byte[] scratch = new byte[bytes.length];
        int nodes = Math.min(root.get().data().count(), MOST_ZONES);
        for (int n = 0; n < nodes; n++) {
            for (int z = 0; z < Math.min(array.count(), MOST_ZONES); z++) {
                long address = root.get().address() + root.get().data().offset() + (long) n * root.get().data().stride() + array.offset() + (long) z * array.stride();
                try {
                    Consistency consistency = span.read(memory, address, bytes, scratch);
                    long frames = total.get(bytes, span.base());
                    if (frames == 0) {
                        continue;
                    }
                    int number = (int) index.get(bytes, span.base());
                    Counted c = number >= 0 && number < counted.size() ? counted.get(number) : new Counted();
                    int most = orders.exists() ? Math.min(orders.field().count(), MOST_ORDERS) : 0;
                    if (problem != null) {
                        consistency = consistency.and(Consistency.broken(problem));
                    }
                    zones.add(new Zone(n, name(z), number, free.get(bytes, span.base()), frames, Arrays.stream(c.chunks).limit(most).boxed().toList(), c.partial,
                            c.partialFree, consistency));
                } catch (Unreadable unreadable) {
                    problems.add("zone " + name(z) + " of node " + n + ": " + unreadable.getMessage());
                }
            }
        }
        return zones;
    }

    /** Zones have no names in the kernel's data: they are told by their place. */
    private static String name(int zone) {
        return zone < NAMES.size() ? NAMES.get(zone) : "zone " + zone;
    }

    /** Walks the records of all blocks once; the result is the first problem, or null. */
    private String blocks(List<Counted> zones) {
        Optional<Root> root = fields.root("frame sections");
        DescribedType section = root.flatMap(r -> fields.target(r.data())).orElse(null);
        Field pointer = section == null ? null : fields.field(section, "blocks").orElse(null);
        DescribedType block = pointer == null ? null : fields.target(pointer).orElse(null);
        if (block == null) {
            return "the kernel does not describe its blocks";
        }
        Access first = fields.access(section, "first");
        Access count = fields.access(section, "count");
        Access kind = fields.access(block, "kind");
        Access order = fields.access(block, "order");
        Access zone = fields.access(block, "zone");
        Access free = fields.access(block, "free");
        String problem = null;
        for (int i = 0; i < Math.min(root.get().data().count(), MOST_RECORDS); i++) {
            cancel.check();
            try {
                byte[] s = memory.read(sectionAt(root.get(), i), section.size());
                long frames = count.get(s, 0);
                if (frames == 0) {
                    continue;
                }
                long from = first.get(s, 0) / 512;
                long to = (first.get(s, 0) + frames - 1) / 512;
                if (frames < 0 || to - from > 1 << 16) {
                    throw new Unreadable(frames + " frames in a section are too many");
                }
                byte[] records = memory.read(Access.raw(s, pointer.offset(), 8) + from * block.size(), (int) (to - from + 1) * block.size());
                for (int at = 0; at < records.length; at += block.size()) {
                    int number = (int) zone.get(records, at);
                    while (zones.size() <= number && number < MOST_ZONES) {
                        zones.add(new Counted());
                    }
                    if (number < 0 || number >= zones.size()) {
                        continue;
                    }
                    Counted c = zones.get(number);
                    switch (kind.name(records, at)) {
                        case "Free" -> c.chunks[(int) Math.min(MOST_ORDERS - 1, order.get(records, at))]++;
                        case "Bitmap" -> {
                            c.partialFree += free.get(records, at);
                            c.partial += free.get(records, at) > 0 ? 1 : 0;
                        }
                        default -> {
                        }
                    }
                }
            } catch (Unreadable unreadable) {
                problem = problem == null ? "section " + i + ": " + unreadable.getMessage() : problem;
            }
        }
        return problem;
    }

    private static long sectionAt(Root root, int index) {
        return root.address() + root.data().offset() + (long) index * root.data().stride();
    }

    private List<SlabClass> slabs() {
        List<SlabClass> slabs = new ArrayList<>();
        Optional<Root> root = fields.root("slab caches");
        DescribedType cache = root.flatMap(r -> fields.target(r.data())).orElse(null);
        if (cache == null) {
            return slabs;
        }
        Access name = fields.access(cache, "name");
        Access size = fields.access(cache, "size");
        Access stride = fields.access(cache, "stride");
        Access slots = fields.access(cache, "slots");
        Access frames = fields.access(cache, "slab_frames");
        Access count = fields.access(cache, "shared.slabs");
        Access taken = fields.access(cache, "shared.taken");
        Field magazines = fields.field(cache, "magazines").orElse(null);
        Access cached = magazines == null ? Access.MISSING : fields.target(magazines).map(m -> fields.access(m, "count")).orElse(Access.MISSING);
        Collections.Elements all = collections.walk(null, root.get().data(), root.get().address(), Math.min(limit, 10_000));
        if (all.problem() != null) {
            problems.add("the list of slab caches: " + all.problem());
        }
        for (long address : all.addresses()) {
            cancel.check();
            try {
                byte[] bytes = memory.read(address, cache.size());
                long inMagazines = 0;
                for (int i = 0; magazines != null && i < magazines.count(); i++) {
                    inMagazines += cached.get(bytes, magazines.offset() + i * magazines.stride());
                }
                long slotsTaken = taken.get(bytes, 0);
                boolean agree = inMagazines <= slotsTaken && slotsTaken <= count.get(bytes, 0) * slots.get(bytes, 0);
                slabs.add(new SlabClass(memory.text(name, bytes, 0), size.get(bytes, 0), stride.get(bytes, 0), count.get(bytes, 0), slots.get(bytes, 0), slotsTaken,
                        inMagazines, frames.get(bytes, 0),
                        agree ? Consistency.OK : Consistency.broken("its counts do not agree: it changed while it was read")));
            } catch (Unreadable unreadable) {
                slabs.add(new SlabClass("0x" + Long.toHexString(address), 0, 0, 0, 0, 0, 0, 0, Consistency.broken(unreadable.getMessage())));
            }
        }
        return slabs;
    }

    private List<ReservedRange> reserved() {
        List<ReservedRange> ranges = new ArrayList<>();
        Optional<Root> root = fields.root("reserved memory");
        DescribedType list = root.flatMap(r -> fields.target(r.data())).orElse(null);
        Field array = list == null ? null : fields.field(list, "ranges").orElse(null);
        DescribedType reserved = array == null ? null : fields.target(array).orElse(null);
        if (reserved == null) {
            return ranges;
        }
        Access length = fields.access(list, "len");
        Access range = fields.access(reserved, "range");
        Access name = fields.access(reserved, "name");
        try {
            byte[] bytes = memory.read(root.get().address() + root.get().data().offset(), list.size());
            long count = length.get(bytes, 0);
            if (count < 0 || count > array.count()) {
                problems.add("the list of reserved ranges says that it has " + Long.toUnsignedString(count) + " of at most " + array.count() + " ranges");
                count = array.count();
            }
            for (int i = 0; i < count; i++) {
                int base = array.offset() + i * array.stride();
                ranges.add(new ReservedRange(range.element(bytes, base, 0), range.element(bytes, base, 1), memory.text(name, bytes, base)));
            }
        } catch (Unreadable unreadable) {
            problems.add("reserved ranges: " + unreadable.getMessage());
        }
        return ranges;
    }

    private Frames frames() {
        List<Frames.Section> sections = new ArrayList<>();
        Optional<Root> root = fields.root("frame sections");
        DescribedType section = root.flatMap(r -> fields.target(r.data())).orElse(null);
        Field pointer = section == null ? null : fields.field(section, "frames").orElse(null);
        DescribedType frame = pointer == null ? null : fields.target(pointer).orElse(null);
        if (frame == null) {
            return new Frames(sections, List.of());
        }
        Access first = fields.access(section, "first");
        Access count = fields.access(section, "count");
        Access state = fields.access(frame, "state");
        Access zone = fields.access(frame, "zone");
        long left = limit * 8L;
        for (int i = 0; i < Math.min(root.get().data().count(), MOST_RECORDS); i++) {
            cancel.check();
            try {
                byte[] s = memory.read(sectionAt(root.get(), i), section.size());
                long frames = count.get(s, 0);
                if (frames <= 0 || frames > 1 << 20 || frames > left) {
                    if (frames != 0) {
                        problems.add("section " + i + " of the frame records says that it has " + Long.toUnsignedString(frames) + " frames");
                    }
                    continue;
                }
                left -= frames;
                sections.add(section(frame, state, zone, first.get(s, 0), (int) frames, Access.raw(s, pointer.offset(), 8)));
            } catch (Unreadable unreadable) {
                problems.add("section " + i + " of the frame records: " + unreadable.getMessage());
            }
        }
        List<String> names = new ArrayList<>();
        if (state.exists()) {
            for (FieldName name : state.field().names()) {
                while (names.size() <= name.value() && names.size() < 256) {
                    names.add("state " + names.size());
                }
                if (name.value() >= 0 && name.value() < names.size()) {
                    names.set((int) name.value(), name.name());
                }
            }
        }
        return new Frames(sections, names);
    }

    private Frames.Section section(DescribedType frame, Access state, Access zone, long first, int count, long records) {
        byte[] states = new byte[count];
        byte[] zones = new byte[count];
        int block = 4096;
        byte[] bytes = new byte[block * frame.size()];
        String problem = null;
        for (int done = 0; done < count && problem == null; done += block) {
            int now = Math.min(block, count - done);
            try {
                memory.read(records + (first + done) * frame.size(), bytes, 0, now * frame.size());
                for (int i = 0; i < now; i++) {
                    states[done + i] = (byte) state.get(bytes, i * frame.size());
                    zones[done + i] = (byte) zone.get(bytes, i * frame.size());
                }
            } catch (Unreadable unreadable) {
                problem = unreadable.getMessage();
            }
        }
        return new Frames.Section(first, states, zones, problem);
    }
}
