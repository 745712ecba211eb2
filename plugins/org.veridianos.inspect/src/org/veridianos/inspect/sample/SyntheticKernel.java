package org.veridianos.inspect.sample;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.veridianos.inspect.MemorySource;
import org.veridianos.inspect.SnapshotSource;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldKind;
import org.veridianos.inspect.image.FieldName;
import org.veridianos.inspect.image.KernelImage;
import org.veridianos.inspect.image.Root;
import org.veridianos.machine.Architecture;

/**
 * A kernel of any size, made up: processes with threads, capability spaces with derivations, run queues, endpoints, one large address
 * space and the records of all frames. Objects lie one behind the other in a direct map.
 */
public final class SyntheticKernel {

    /**
     * How large it is.
     *
     * @param processes    at least 1
     * @param threads      of each process
     * @param capabilities of each process, derived from those of the process before
     * @param ready        how many of the threads stand in run queues
     * @param pages        pages of 4 KiB that the first process maps
     */
    public record Size(int processes, int threads, int capabilities, int ready, int pages) {
    }

    static final long DIRECT = 0xffff_8000_0000_0000L;
    private static final long HEAP = 0x100_0000;
    private static final int CPUS = 4;
    private static final int RANKS = 258;

    private final Map<String, TypeSpec> specs = new LinkedHashMap<>();
    private final Map<String, List<FieldName>> names = new LinkedHashMap<>();
    private final Map<String, DescribedType> types = new LinkedHashMap<>();
    private final List<Root> roots = new ArrayList<>();
    private final ImageWriter writer = new ImageWriter();
    private SparseMemory memory;
    private KernelImage image;
    private byte[] file;
    private long heap = HEAP;
    private long data = ImageWriter.DATA;

    /** A kernel whose types {@code change} may alter before anything is laid out; its image is a temporary file that is deleted again. */
    SyntheticKernel(Size size, Consumer<Map<String, TypeSpec>> change) throws IOException {
        specify();
        change.accept(specs);
        specs.forEach((name, spec) -> types.put(name, spec.lay(types, names)));
        long bytes = Math.max(1L << 28, HEAP + size.processes * (24L << 10) + (long) size.processes * size.threads * 2048 + 2L * size.processes * (size.capabilities / 63 + 1) * 4096
                + size.pages * 4096L + (64L << 20));
        memory = new SparseMemory(bytes);
        Map<String, Long> at = new LinkedHashMap<>();
        root(at, "processes", "ProcessTree", 1, List.of());
        root(at, "cpus", "PerCpu", CPUS, List.of());
        root(at, "schedulers", "Scheduler", CPUS, List.of());
        root(at, "frame sections", "Section", 64, List.of());
        root(at, "memory nodes", "MemoryNode", 1, List.of());
        root(at, "reserved memory", "ReservedList", 1, List.of());
        at.put("slab caches", data);
        roots.add(new Root("slab caches", data, new Field("slab caches", "SlabCache", List.of(new FieldName(FieldName.NEXT, "next", "")), 0, 8, 1, FieldKind.LIST, false,
                0, 0), "src/heap.rs", 1));
        at.put("kernel page table", data + 8);
        roots.add(new Root("kernel page table", data + 8, new Field("kernel page table", "page table", List.of(), 0, 8, 1, FieldKind.PHYSICAL, false, 0, 0),
                "src/kernel_map.rs", 1));
        roots.add(new Root("direct map", writer.constant(DIRECT), new Field("direct map", "u64", List.of(), 0, 8, 1, FieldKind.UNSIGNED, false, 0, 0),
                "src/kernel_map.rs", 1));
        data += 16;
        Path path = Files.createTempFile("synthetic", ".elf");
        try {
            long slab = writer.text("thread");
            writer.write(path, types.values(), roots, data - ImageWriter.DATA);
            image = KernelImage.read(path);
            file = Files.readAllBytes(path);
            ByteBuffer constants = image.elf().bytesAt(ImageWriter.CONSTANTS, image.elf().segments().get(0).fileSize()).orElseThrow();
            for (int i = 0; i < constants.limit(); i++) {
                memory.write(ImageWriter.PHYSICAL + i, constants.get(i), 1);
            }
            new Filler(size, at, slab).fill();
        } finally {
            Files.delete(path);
        }
    }

    /** A kernel of a size, described as the real one is. */
    public static SyntheticKernel of(Size size) throws IOException {
        return new SyntheticKernel(size, specs -> {
        });
    }

    /** The bytes of such a kernel's ELF file. */
    public static byte[] imageOf(Size size) throws IOException {
        return of(size).file.clone();
    }

    /** Its memory, for reading and for breaking. */
    public SparseMemory memory() {
        return memory;
    }

    /** Its image, the description read from the file. */
    public KernelImage image() {
        return image;
    }

    /** Bytes of memory in use from the beginning: where objects are. */
    public long used() {
        return heap;
    }

    /** Snapshots of it. */
    public MemorySource source() {
        return new MemorySource(new SnapshotSource.Machine("synthetic", "synthetic", Architecture.X86_64, image.path(), ""), memory, image);
    }

    private void root(Map<String, Long> at, String name, String type, int count, List<FieldName> roles) {
        data = data + 7 & -8;
        int size = types.get(type).size() * count;
        at.put(name, data);
        roots.add(new Root(name, data, new Field(name, type, roles, 0, size, count, FieldKind.STRUCTURE, false, 0, 0), "src/roots.rs", 1));
        data += size;
    }

    private void enumeration(String name, String... values) {
        List<FieldName> all = new ArrayList<>();
        for (int i = 0; i < values.length; i++) {
            String[] parts = values[i].split(":");
            all.add(new FieldName(name.equals("RIGHTS") ? 1L << i : i, parts[0], parts.length > 1 ? parts[1] : ""));
        }
        names.put(name, all);
    }

    private TypeSpec type(String name, String fields) {
        return type(name, 0, fields);
    }

    private TypeSpec type(String name, int least, String fields) {
        TypeSpec spec = new TypeSpec(name, least, fields);
        specs.put(name, spec);
        return spec;
    }

    private void specify() {
        enumeration("KIND", "Free", "Memory", "AddressSpace:SpaceObject", "Thread:Thread", "Process:Process", "Endpoint:Endpoint");
        enumeration("RIGHTS", "read", "write", "execute", "grant", "derive", "manage");
        enumeration("POLICY", "Inherit", "InheritReduced", "Drop");
        enumeration("LIFE", "Created", "Alive", "Exiting", "Zombie");
        enumeration("RUN", "New", "Alive", "Dead");
        enumeration("REASON", "None", "Send", "Call", "Receive", "Reply");
        enumeration("CLASS", "Fixed", "RoundRobin", "Fair");
        enumeration("CPU", "Absent", "Off", "Changing", "Online");
        enumeration("FRAME", "Absent", "Reserved", "Free", "Cached", "Used", "Table", "Slab");
        enumeration("BLOCK", "Absent", "Bitmap", "Free", "Inside", "Used");
        enumeration("REGION", "Anonymous", "Shared", "Guard");
        type("Link", "next *Link, previous *Link");
        type("List", "anchor Link").also("list", "anchor", "next");
        type("Node", "key u64, left *Node, right *Node, parent *Node, priority u32, linked bool");
        type("Tree", "root *Node, first *Node, length u64").also("tree", "root");
        type("DerivationTree", "sequence u32, capabilities u32, roots *Slot").also("sequence", "sequence").also("children", "roots");
        type("Object", "kind u8, refs u32, tree DerivationTree").also("enum", "kind", "KIND");
        type("Slot", 64, "tag u64, object *Object, badge u64, parent *Slot, first_child *Slot, next *Slot, previous *Slot, space *Space")
                .also("bits", "tag", "generation", "32", "32").also("bits", "tag", "kind", "8", "8", "KIND").also("bits", "tag", "live", "7", "1")
                .also("bits", "tag", "rights", "0", "6", "RIGHTS").also("bits", "tag", "policy", "16", "2", "POLICY").also("children", "first_child");
        type("Chunk", "slots Slot*64");
        type("Directory", "length u64, chunks *Chunk, replaced *Directory").also("table", "chunks", "length", "Chunk");
        type("Store", "limit u32, taken u32");
        type("Space", "directory *Directory, id u64, holder *Object, store Store");
        type("Members", "threads List, count u32").also("holds", "threads", "Thread", "sibling");
        type("Kin", "parent *Process, sibling Link, all Link");
        type("Process", "object Object, pid u32, life u8, status u32, space *Space, memory *SpaceObject, members Members, kin Kin, name u8*16")
                .also("enum", "life", "LIFE").also("text", "name");
        type("ProcessTree", "all List, count u64").also("holds", "all", "Process", "kin.all");
        type("Metrics", "run_time u64, wait_time u64, switches u64, migrations u64");
        type("Task", "link Link, node Node, queue i32, on_cpu i32, last_cpu i32, class u8, level u8, base_rank u16, effective_rank u16, queued_rank u16, affinity u64,"
                + " virtual_time u64, metrics Metrics").also("enum", "class", "CLASS");
        type("Binding", "slot *Slot, generation u64");
        type("Wait", "link Link, reason u8, object u64, via Binding, server *Thread").also("enum", "reason", "REASON");
        type("Thread", "object Object, memory *AddressSpace, process *Process, id u32, flags u32, state u8, wait Wait, task Task, timer Node, timer_cpu i32, sibling Link")
                .also("enum", "state", "RUN");
        type("SpaceTlb", "root_register u64, asid u16");
        type("PageTable", "root u64, tables u64, resident u64");
        type("Region", "node Node, start u64, end u64, flags u32, kind u8, closing bool, object u64, offset u64, binding Binding").also("enum", "kind", "REGION")
                .also("flags", "flags", "RIGHTS");
        type("Regions", "tree Tree").also("holds", "tree", "Region", "node");
        type("Inner", "tables PageTable, regions Regions");
        type("AddressSpace", "refs u32, tlb SpaceTlb, inner Inner");
        type("SpaceObject", "object Object, space *AddressSpace");
        type("WaitList", "list List").also("holds", "list", "Thread", "wait.link");
        type("Buffer", "capacity u64, first u64, count u64");
        type("Counts", "fast u64, slow u64, words u64");
        type("Queues", "sequence u64, senders WaitList, receivers WaitList, in_flight WaitList, buffer Buffer, metrics Counts").also("sequence", "sequence");
        type("Endpoint", "object Object, queues Queues");
        type("RunQueue", "lists List*" + RANKS + ", fair Tree, floor u64, length u64").also("holds", "lists", "Thread", "task.link")
                .also("holds", "fair", "Thread", "task.node");
        type("CpuMetrics", "switches u64, migrations u64, idle_time u64, ticks u64");
        type("Timers", "sleepers Tree").also("holds", "sleepers", "Thread", "timer");
        type("Scheduler", "ready RunQueue, load i32, metrics CpuMetrics, timers Timers");
        type("PerCpu", "current *Thread, index u32, node u32, hardware_id u64, space *AddressSpace, state u8").also("enum", "state", "CPU");
        type("FrameInfo", "state u8, zone u8, tag u16, refs u32, next u32, previous u32").also("enum", "state", "FRAME");
        type("Block", "bits u64*8, free u16, kind u8, order u8, zone u8").also("enum", "kind", "BLOCK");
        type("Section", "frames *FrameInfo, blocks *Block, first u32, count u32");
        type("Zone", "free u64, total u64, chunks u32*19, index u8");
        type("MemoryNode", "zones Zone*3");
        type("Magazine", "head u64, count u32");
        type("Shared", "slabs u32, taken u64");
        type("SlabCache", "name str, size u32, stride u32, slab_frames u32, slots u32, next *SlabCache, shared Shared, magazines Magazine*4");
        type("Reserved", "range u64*2, name str");
        type("ReservedList", "ranges Reserved*8, len u64");
    }

    /** Writes the objects. A field that a changed kernel lacks is left out. */
    private final class Filler {
        private final Size size;
        private final Map<String, Long> roots;
        private final long slabName;
        private final Map<String, Field> known = new LinkedHashMap<>();
        private final List<Long> threads = new ArrayList<>();

        Filler(Size size, Map<String, Long> roots, long slabName) {
            this.size = size;
            this.roots = roots;
            this.slabName = slabName;
        }

        private Field field(String type, String path) {
            return known.computeIfAbsent(type + " " + path, k -> image.types().path(types.get(type), path).orElse(null));
        }

        private void set(String type, long at, String path, long value) {
            Field field = field(type, path);
            if (field != null) {
                memory.write(physical(at + field.offset()), value, field.kind().isCollection() ? 8 : field.stride());
            }
        }

        private void text(String type, long at, String path, long address, int length) {
            Field field = field(type, path);
            if (field != null) {
                memory.write(physical(at + field.offset()), address, 8);
                memory.write(physical(at + field.offset() + 8), length, 8);
            }
        }

        private long physical(long virtual) {
            return virtual - DIRECT >= 0 && virtual - DIRECT < memory.ranges().get(0).length() ? virtual - DIRECT : virtual - ImageWriter.DATA + ImageWriter.DATA_PHYSICAL;
        }

        private long allocate(long bytes, int alignment) {
            heap = heap + alignment - 1 & -alignment;
            long at = DIRECT + heap;
            heap += bytes;
            return at;
        }

        private long create(String type) {
            return allocate(types.get(type).size(), 16);
        }

        /** Links the elements' fields at {@code path} into a circle with the anchor. */
        private void link(long anchor, String type, String path, List<Long> elements) {
            Field field = field(type, path);
            if (field == null) {
                return;
            }
            long last = anchor;
            for (long element : elements) {
                memory.write(physical(last), element + field.offset(), 8);
                last = element + field.offset();
            }
            memory.write(physical(last), anchor, 8);
        }

        void fill() {
            List<Long> processes = new ArrayList<>();
            long endpoint = create("Endpoint");
            set("Endpoint", endpoint, "object.kind", 5);
            List<Long> slotsBefore = List.of();
            long kernelTable = table(List.of());
            memory.write(physical(roots.get("kernel page table")), kernelTable, 8);
            for (int p = 0; p < size.processes; p++) {
                long process = create("Process");
                processes.add(process);
                set("Process", process, "object.kind", 4);
                set("Process", process, "pid", p + 1);
                set("Process", process, "life", 1);
                set("Process", process, "kin.parent", p == 0 ? 0 : processes.get((p - 1) / 4));
                Field name = field("Process", "name");
                String text = "process" + p % 100;
                for (int i = 0; name != null && i < text.length(); i++) {
                    memory.write(physical(process + name.offset() + i), text.charAt(i), 1);
                }
                long space = addressSpace(p);
                long object = create("SpaceObject");
                set("SpaceObject", object, "object.kind", 2);
                set("SpaceObject", object, "space", space);
                set("Process", process, "memory", object);
                threads(process, space, p, endpoint);
                slotsBefore = capabilities(process, p, endpoint, slotsBefore);
            }
            Field anchor = image.types().collection(types.get("ProcessTree"), "all").orElse(null);
            if (anchor != null) {
                link(roots.get("processes") + anchor.offset(), "Process", "kin.all", processes);
            }
            set("ProcessTree", roots.get("processes"), "count", size.processes);
            cpus();
            frames();
        }

        private void threads(long process, long space, int p, long endpoint) {
            List<Long> members = new ArrayList<>();
            for (int t = 0; t < size.threads; t++) {
                long thread = create("Thread");
                members.add(thread);
                threads.add(thread);
                int id = p * size.threads + t + 1;
                boolean blocked = id > size.ready;
                set("Thread", thread, "object.kind", 3);
                set("Thread", thread, "id", id);
                set("Thread", thread, "state", 1);
                set("Thread", thread, "process", process);
                set("Thread", thread, "memory", space);
                set("Thread", thread, "wait.reason", blocked ? 3 : 0);
                set("Thread", thread, "wait.object", blocked ? endpoint : 0);
                set("Thread", thread, "task.class", id % 3);
                set("Thread", thread, "task.queue", blocked ? -1 : id % CPUS);
                set("Thread", thread, "task.on_cpu", -1);
                set("Thread", thread, "task.last_cpu", id % CPUS);
                set("Thread", thread, "task.affinity", -1);
                set("Thread", thread, "task.metrics.run_time", 1000L * id);
                set("Thread", thread, "timer_cpu", -1);
            }
            Field anchor = image.types().collection(types.get("Process"), "members.threads").orElse(null);
            if (anchor != null) {
                link(process + anchor.offset(), "Thread", "sibling", members);
            }
            set("Process", process, "members.count", size.threads);
        }

        private List<Long> capabilities(long process, int p, long endpoint, List<Long> before) {
            int slots = types.get("Chunk").fields().get(0).count();
            int stride = types.get("Slot").size();
            int chunks = (size.capabilities + slots - 2) / (slots - 1);
            long space = create("Space");
            long directory = create("Directory");
            long table = allocate(8L * Math.max(1, chunks), 16);
            set("Process", process, "space", space);
            set("Space", space, "directory", directory);
            set("Space", space, "id", p + 1);
            set("Space", space, "holder", process);
            set("Space", space, "store.limit", 1 << 20);
            set("Directory", directory, "length", chunks);
            set("Directory", directory, "chunks", table);
            List<Long> all = new ArrayList<>();
            for (int c = 0; c < chunks; c++) {
                long chunk = allocate(types.get("Chunk").size(), 4096);
                memory.write(physical(table + 8L * c), chunk, 8);
                for (int s = 1; s < slots && all.size() < size.capabilities; s++) {
                    long slot = chunk + (long) s * stride;
                    int index = all.size();
                    set("Slot", slot, "tag", 1L << 32 | 5 << 8 | 1 << 7 | 0x3f);
                    set("Slot", slot, "object", endpoint);
                    set("Slot", slot, "badge", index);
                    set("Slot", slot, "space", space);
                    if (index < before.size()) {
                        set("Slot", slot, "parent", before.get(index));
                        set("Slot", before.get(index), "first_child", slot);
                    }
                    all.add(slot);
                }
            }
            return all;
        }

        /** A table of page-table entries; its physical address. */
        private long table(List<Long> entries) {
            long at = allocate(4096, 4096) - DIRECT;
            for (int i = 0; i < entries.size(); i++) {
                memory.write(at + 8L * i, entries.get(i), 8);
            }
            return at;
        }

        private long addressSpace(int p) {
            long space = create("AddressSpace");
            List<Long> level1 = new ArrayList<>();
            int pages = p == 0 ? size.pages : 1;
            for (int at = 0; at < pages; at += 512) {
                List<Long> leaves = new ArrayList<>();
                for (int i = at; i < Math.min(pages, at + 512); i++) {
                    leaves.add(1L << 63 | (0x1000L + i) << 12 | 0x67);
                }
                level1.add(table(leaves) | 0x27);
            }
            List<Long> level2 = new ArrayList<>();
            for (int at = 0; at < level1.size(); at += 512) {
                level2.add(table(level1.subList(at, Math.min(level1.size(), at + 512))) | 0x27);
            }
            long top = table(List.of(table(level2) | 0x27));
            set("AddressSpace", space, "tlb.root_register", top | p & 0xfff);
            set("AddressSpace", space, "inner.tables.root", top);
            long region = create("Region");
            set("Region", region, "end", (long) pages << 12);
            set("Region", region, "flags", 3);
            Field tree = image.types().collection(types.get("AddressSpace"), "inner.regions").orElse(null);
            Field node = field("Region", "node");
            if (tree != null && node != null) {
                memory.write(physical(space + tree.offset()), region + node.offset(), 8);
            }
            return space;
        }

        private void cpus() {
            for (int cpu = 0; cpu < CPUS; cpu++) {
                long record = roots.get("cpus") + (long) cpu * types.get("PerCpu").size();
                set("PerCpu", record, "index", cpu);
                set("PerCpu", record, "state", 3);
                long scheduler = roots.get("schedulers") + (long) cpu * types.get("Scheduler").size();
                List<Long> ready = new ArrayList<>();
                for (int i = 0; i < Math.min(size.ready, threads.size()); i++) {
                    if ((i + 1) % CPUS == cpu) {
                        ready.add(threads.get(i));
                    }
                }
                set("Scheduler", scheduler, "ready.length", ready.size());
                set("Scheduler", scheduler, "load", ready.size());
                Field lists = image.types().collection(types.get("Scheduler"), "ready.lists").orElse(null);
                if (lists != null) {
                    link(scheduler + lists.offset() + 5L * types.get("List").size(), "Thread", "task.link", ready);
                }
            }
        }

        private void frames() {
            long frames = memory.ranges().get(0).length() / 4096;
            for (int section = 0; section * 262_144L < frames && section < 64; section++) {
                long record = roots.get("frame sections") + (long) section * types.get("Section").size();
                long first = section * 262_144L;
                int count = (int) Math.min(262_144, frames - first);
                long infos = allocate((long) count * types.get("FrameInfo").size(), 4096);
                long blocks = allocate((count / 512 + 1L) * types.get("Block").size(), 4096);
                set("Section", record, "frames", infos - first * types.get("FrameInfo").size());
                set("Section", record, "blocks", blocks - first / 512 * types.get("Block").size());
                set("Section", record, "first", first);
                set("Section", record, "count", count);
                for (int i = 0; i < count; i++) {
                    set("FrameInfo", infos + (long) i * types.get("FrameInfo").size(), "state", i % 7 == 0 ? 2 : 4);
                }
            }
            set("Zone", roots.get("memory nodes"), "total", frames);
            set("Zone", roots.get("memory nodes"), "free", frames / 7);
            long cache = create("SlabCache");
            memory.write(physical(roots.get("slab caches")), cache, 8);
            text("SlabCache", cache, "name", slabName, 6);
            set("SlabCache", cache, "size", 800);
            set("ReservedList", roots.get("reserved memory"), "len", 1);
            text("ReservedList", roots.get("reserved memory"), "ranges", 0, 0x1000);
        }
    }
}
