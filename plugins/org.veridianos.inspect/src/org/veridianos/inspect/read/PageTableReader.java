package org.veridianos.inspect.read;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.Root;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.PageTable.Half;
import org.veridianos.inspect.model.PageTable.Table;
import org.veridianos.inspect.model.ProcessState;
import org.veridianos.inspect.model.Region;
import org.veridianos.machine.Architecture;
import org.veridianos.machine.GuestMemory;

/** Reads the hardware's own tables, from the literal register value that each address space's description holds. */
final class PageTableReader {

    private final KernelMemory memory;
    private final Fields fields;
    private final Collections collections;
    private final Cancel cancel;
    private final Request request;
    private final List<String> problems;
    private final PageFormat format;
    /** One copy per level: a table is decoded before the next of its level is read. */
    private final byte[][] copies = new byte[PageFormat.TOP + 1][PageFormat.ENTRIES * 8];
    /** By physical address and level: tables that several spaces share are read once. */
    private final Map<Long, Table> tables = new HashMap<>();

    PageTableReader(KernelMemory memory, Fields fields, Collections collections, Cancel cancel, Request request, List<String> problems) {
        this.memory = memory;
        this.fields = fields;
        this.collections = collections;
        this.cancel = cancel;
        this.request = request;
        this.problems = problems;
        this.format = memory.format();
    }

    List<PageTable> read(DescribedType process, List<ProcessState> processes) {
        List<PageTable> spaces = new ArrayList<>();
        if (wanted(0)) {
            kernel().ifPresent(spaces::add);
        }
        DescribedType space = process == null ? null
                : fields.field(process, "memory").flatMap(fields::target).flatMap(o -> fields.field(o, "space")).flatMap(fields::target).orElse(null);
        if (space == null) {
            return spaces;
        }
        SpaceFields f = new SpaceFields(space);
        Map<Long, ProcessState> owners = new LinkedHashMap<>();
        processes.stream().filter(p -> p.addressSpace() != 0).forEach(p -> owners.putIfAbsent(p.addressSpace(), p));
        owners.forEach((address, owner) -> {
            if (wanted(address)) {
                cancel.check();
                spaces.add(space(f, address, owner));
            }
        });
        return spaces;
    }

    private boolean wanted(long address) {
        return request.addressSpaces().isEmpty() || request.addressSpaces().contains(address);
    }

    private Optional<PageTable> kernel() {
        Optional<Root> root = fields.root("kernel page table");
        if (root.isEmpty()) {
            return Optional.empty();
        }
        try {
            long table = memory.readLong(root.get().address() + root.get().data().offset());
            String[] problem = {null};
            Table top = table(table, PageFormat.TOP, problem);
            return Optional.of(new PageTable(0, 0, "kernel", format, table, Half.KERNEL, top, List.of(), 0, consistency(problem)));
        } catch (Unreadable unreadable) {
            problems.add("the kernel's page table: " + unreadable.getMessage());
            return Optional.empty();
        }
    }

    private final class SpaceFields {
        final DescribedType type;
        final Access register;
        final Access resident;
        final Field regions;
        final DescribedType region;
        final Span span;
        Access start = Access.MISSING;
        Access end = Access.MISSING;
        Access kind = Access.MISSING;
        Access flags = Access.MISSING;
        Access object = Access.MISSING;
        Access offset = Access.MISSING;
        Access slot = Access.MISSING;
        Access closing = Access.MISSING;
        Span regionSpan;

        SpaceFields(DescribedType type) {
            this.type = type;
            register = fields.access(type, "tlb.root_register");
            resident = fields.access(type, "inner.tables.resident");
            regions = fields.collection(type, "inner.regions").orElse(null);
            region = regions == null ? null : fields.target(regions).orElse(null);
            span = new Span(register, resident);
            if (region != null) {
                start = fields.access(region, "start");
                end = fields.access(region, "end");
                kind = fields.access(region, "kind");
                flags = fields.access(region, "flags");
                object = fields.access(region, "object");
                offset = fields.access(region, "offset");
                slot = fields.optional(region, "binding.slot");
                closing = fields.optional(region, "closing");
                regionSpan = new Span(start, end, kind, flags, object, offset, slot, closing);
            }
        }
    }

    private PageTable space(SpaceFields f, long address, ProcessState owner) {
        Half half = memory.image().architecture() == Architecture.AARCH64 ? Half.USER : Half.ALL;
        Table nothing = new Table(PageFormat.TOP, 0, new long[0], null, Map.of());
        try {
            byte[] bytes = new byte[f.span.length()];
            Consistency consistency = f.span.read(memory, address, bytes, new byte[bytes.length]);
            long register = f.register.get(bytes, f.span.base());
            if (!f.register.exists()) {
                throw new Unreadable("the kernel lacks the field 'tlb.root_register' of " + f.type.simpleName());
            }
            String[] problem = {null};
            Table top = table(format.table(register), PageFormat.TOP, problem);
            List<Region> regions = regions(f, address, problem);
            return new PageTable(address, owner.pid(), owner.title(), format, register, half, top, regions, f.resident.get(bytes, f.span.base()),
                    consistency.and(consistency(problem)));
        } catch (Unreadable unreadable) {
            return new PageTable(address, owner.pid(), owner.title(), format, 0, half, nothing, List.of(), 0, Consistency.broken(unreadable.getMessage()));
        }
    }

    private static Consistency consistency(String[] problem) {
        return problem[0] == null ? Consistency.OK : Consistency.broken(problem[0]);
    }

    private List<Region> regions(SpaceFields f, long address, String[] problem) {
        if (f.region == null) {
            return List.of();
        }
        Collections.Elements elements = collections.walk(f.type, f.regions, address, request.limit());
        for (int i = 1; i < Span.TRIES && elements.problem() != null; i++) {
            elements = collections.walk(f.type, f.regions, address, request.limit());
        }
        if (elements.problem() != null && problem[0] == null) {
            problem[0] = "its regions: " + elements.problem();
        }
        List<Region> regions = new ArrayList<>();
        byte[] bytes = new byte[f.regionSpan.length()];
        byte[] scratch = new byte[bytes.length];
        int base = f.regionSpan.base();
        for (long at : elements.addresses()) {
            try {
                f.regionSpan.read(memory, at, bytes, scratch);
                regions.add(new Region(f.start.get(bytes, base), f.end.get(bytes, base), f.kind.name(bytes, base), f.flags.name(bytes, base),
                        f.object.get(bytes, base), f.offset.get(bytes, base), f.slot.get(bytes, base), f.closing.get(bytes, base) != 0));
            } catch (Unreadable unreadable) {
                problem[0] = "a region: " + unreadable.getMessage();
            }
        }
        return regions;
    }

    /** A table and everything below it; the first problem is noted, all of them stand in the tables. */
    private Table table(long physical, int level, String[] problem) throws Unreadable {
        Table known = tables.get(physical | level);
        if (known != null) {
            return known;
        }
        if (tables.size() >= request.limit()) {
            throw new Unreadable("more than " + request.limit() + " page tables; the rest is not read");
        }
        byte[] bytes = copies[level];
        try {
            memory.physicalMemory().read(physical, bytes, 0, bytes.length);
        } catch (GuestMemory.OutOfRam outside) {
            throw new Unreadable("a page table at physical 0x" + Long.toHexString(physical) + ", where no RAM is");
        }
        long[] entries = new long[PageFormat.ENTRIES];
        Table[] below = level == 0 ? null : new Table[PageFormat.ENTRIES];
        Map<Integer, String> wrong = new HashMap<>(0);
        for (int i = 0; i < entries.length; i++) {
            entries[i] = Access.raw(bytes, 8 * i, 8);
        }
        Table table = new Table(level, physical, entries, below, wrong);
        tables.put(physical | level, table);
        if (level > 0) {
            cancel.check();
            for (int i = 0; i < entries.length; i++) {
                below(physical, level, i, entries, below, wrong, problem);
            }
        }
        return table;
    }

    /** A table below may be freed and used anew at any time; the entry that still leads to it afterwards vouches for it. */
    private void below(long physical, int level, int index, long[] entries, Table[] below, Map<Integer, String> wrong, String[] problem) {
        for (int i = 0; i < Span.TRIES; i++) {
            if (!format.isPresent(entries[index]) || format.isLeaf(entries[index], level)) {
                return;
            }
            long next = format.address(entries[index]);
            boolean shared = tables.containsKey(next | level - 1);
            try {
                below[index] = table(next, level - 1, problem);
                wrong.remove(index);
            } catch (Unreadable unreadable) {
                wrong.put(index, unreadable.getMessage());
            }
            long now;
            try {
                now = memory.physicalMemory().readLong(physical + 8L * index);
            } catch (GuestMemory.OutOfRam outside) {
                now = entries[index];
            }
            if (format.address(now) == next && format.isPresent(now)) {
                break;
            }
            entries[index] = now;
            below[index] = null;
            if (!shared) {
                tables.remove(next | level - 1);
            }
            wrong.put(index, "it changed while it was read");
        }
        if (problem[0] == null) {
            problem[0] = wrong.get(index);
        }
    }
}
