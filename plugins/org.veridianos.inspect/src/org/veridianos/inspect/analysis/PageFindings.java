package org.veridianos.inspect.analysis;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.Frames;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.PageTable.Half;
import org.veridianos.inspect.model.PageTable.Range;
import org.veridianos.inspect.model.Region;
import org.veridianos.inspect.model.RunQueue;
import org.veridianos.machine.MachineState;

/** Mistakes that page tables show by themselves, over all spaces of a snapshot. */
public final class PageFindings {

    /** What is wrong. */
    public enum Kind {
        /** Code can be written and run. */
        WRITE_EXECUTE,
        /** User code reaches memory of the kernel. */
        USER_KERNEL,
        /** A page leads to a frame that the kernel would hand out to somebody else. */
        MAPPED_FREE,
        /** Two spaces can write to a frame that each has for itself. */
        TWO_OWNERS,
        /** The register of a CPU names another table than the space that the kernel says runs there. */
        OTHER_ROOT
    }

    /**
     * A finding.
     *
     * @param kind     what is wrong
     * @param space    address of the address space; 0 for the kernel's
     * @param owner    whose it is, for people
     * @param start    first virtual address; the CPU's number for {@link Kind#OTHER_ROOT}
     * @param end      first one behind it
     * @param physical address of the first frame, or the register's value
     * @param text     in words
     */
    public record Finding(Kind kind, long space, String owner, long start, long end, long physical, String text) {
    }

    private static final int MOST = 10_000;

    private final List<Finding> findings = new ArrayList<>();
    private final Snapshot snapshot;
    private final Frames frames;

    private record Mapped(PageTable space, long virtual) {
    }

    private PageFindings(Snapshot snapshot) {
        this.snapshot = snapshot;
        this.frames = snapshot.memory().map(m -> m.frames()).orElse(new Frames(List.of(), List.of()));
    }

    /**
     * Findings in a snapshot with page tables; with frames also those about frames. The same tables of the kernel are looked at once.
     *
     * @param cpus registers, if somebody asked for them; else empty
     */
    public static List<Finding> of(Snapshot snapshot, List<MachineState.Cpu> cpus) {
        PageFindings all = new PageFindings(snapshot);
        Map<Long, Mapped> privately = new HashMap<>();
        boolean kernelSeen = false;
        for (PageTable space : snapshot.pageTables()) {
            boolean kernelToo = !kernelSeen && space.half() != Half.USER;
            kernelSeen |= kernelToo;
            all.ranges(space, kernelToo ? Half.ALL : Half.USER);
            all.frames(space, privately);
        }
        all.roots(cpus);
        return List.copyOf(all.findings);
    }

    /**
     * What can be told of a guest that runs: tables and frame records are not read in one instant, so a page of a process that ends
     * meanwhile looks like a mistake. What is wrong the next time as well is one.
     *
     * @param before what the snapshot before had; null when there is none
     */
    public static List<Finding> lasting(List<Finding> now, Set<Finding> before) {
        return before == null ? now : now.stream().filter(before::contains).toList();
    }

    private void add(Finding finding) {
        if (findings.size() < MOST) {
            findings.add(finding);
        }
    }

    private void ranges(PageTable space, Half half) {
        for (Range range : space.ranges(half, 1 << 20).ranges()) {
            boolean kernel = range.start() < 0;
            if (range.permissions().isWriteExecute()) {
                add(new Finding(Kind.WRITE_EXECUTE, space.addressSpace(), space.owner(), range.start(), range.end(), range.physical(),
                        space.owner() + " can write and run " + words(range)));
            }
            if (kernel && range.permissions().user()) {
                add(new Finding(Kind.USER_KERNEL, space.addressSpace(), space.owner(), range.start(), range.end(), range.physical(),
                        "user code of " + space.owner() + " reaches the kernel's " + words(range)));
            }
        }
    }

    private static String words(Range range) {
        return range.pages() + (range.pages() == 1 ? " page" : " pages") + " at 0x" + Long.toHexString(range.start());
    }

    /** Frames behind pages of user space, each against what the kernel's frame records say. */
    private void frames(PageTable space, Map<Long, Mapped> privately) {
        if (frames.sections().isEmpty() || space.addressSpace() == 0) {
            return;
        }
        int[] region = {0};
        space.forEachPage(Half.USER, 1 << 24, (virtual, physical, level, permissions, entry) -> {
            long count = PageFormat.size(level) / 4096;
            Region in = regionOf(space.regions(), virtual, region);
            for (long i = 0; i < count; i++) {
                long frame = physical / 4096 + i;
                String state = frames.stateOf(frame);
                if (frames.isFree(frame)) {
                    add(new Finding(Kind.MAPPED_FREE, space.addressSpace(), space.owner(), virtual + 4096 * i, virtual + 4096 * (i + 1), frame * 4096,
                            space.owner() + " maps the free frame 0x" + Long.toHexString(frame * 4096) + " at 0x" + Long.toHexString(virtual + 4096 * i)));
                } else if (state.equals("Table") || state.equals("Slab")) {
                    add(new Finding(Kind.USER_KERNEL, space.addressSpace(), space.owner(), virtual + 4096 * i, virtual + 4096 * (i + 1), frame * 4096,
                            space.owner() + " maps the kernel's own frame 0x" + Long.toHexString(frame * 4096) + " (" + state + ") at 0x"
                                    + Long.toHexString(virtual + 4096 * i)));
                }
                if (permissions.write() && in != null && (in.kind().equals("Anonymous") || in.kind().equals("Private"))) {
                    Mapped other = privately.putIfAbsent(frame, new Mapped(space, virtual + 4096 * i));
                    if (other != null && other.space != space) {
                        add(new Finding(Kind.TWO_OWNERS, space.addressSpace(), space.owner(), virtual + 4096 * i, virtual + 4096 * (i + 1), frame * 4096,
                                space.owner() + " and " + other.space.owner() + " can both write to the private frame 0x" + Long.toHexString(frame * 4096)));
                    }
                }
            }
            return findings.size() < MOST;
        });
    }

    /** Regions and pages both come by rising address. */
    private static Region regionOf(List<Region> regions, long virtual, int[] at) {
        while (at[0] < regions.size() && Long.compareUnsigned(regions.get(at[0]).end(), virtual) <= 0) {
            at[0]++;
        }
        return at[0] < regions.size() && Long.compareUnsigned(regions.get(at[0]).start(), virtual) <= 0 ? regions.get(at[0]) : null;
    }

    private void roots(List<MachineState.Cpu> cpus) {
        Map<Long, PageTable> bySpace = new HashMap<>();
        snapshot.pageTables().forEach(t -> bySpace.put(t.addressSpace(), t));
        for (RunQueue queue : snapshot.runQueues()) {
            PageTable space = bySpace.get(queue.addressSpace());
            OptionalLong register = cpus.stream().filter(c -> c.hardwareId() == queue.hardwareId()).findFirst()
                    .map(c -> register(c, space)).orElse(OptionalLong.empty());
            if (space != null && queue.addressSpace() != 0 && !queue.isIdle() && register.isPresent()
                    && space.format().table(register.getAsLong()) != space.format().table(space.register())) {
                add(new Finding(Kind.OTHER_ROOT, space.addressSpace(), space.owner(), queue.cpu(), queue.cpu() + 1L, register.getAsLong(),
                        "CPU " + queue.cpu() + " runs " + space.owner() + " with " + space.registerName() + " 0x" + Long.toHexString(register.getAsLong())
                                + " instead of 0x" + Long.toHexString(space.register())));
            }
        }
    }

    private static OptionalLong register(MachineState.Cpu cpu, PageTable space) {
        if (space == null) {
            return OptionalLong.empty();
        }
        return switch (space.format()) {
            case X86_64 -> cpu.register("cr3");
            case AARCH64 -> cpu.register("ttbr0_el1");
            case RISCV64 -> cpu.register("satp");
        };
    }
}
