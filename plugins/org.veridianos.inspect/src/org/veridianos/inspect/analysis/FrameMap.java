package org.veridianos.inspect.analysis;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.Frames;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.PageTable.Half;

/**
 * The page tables turned round: which frame of physical memory is mapped where, how often, and by whom. Only what user space
 * maps counts; the kernel sees all memory anyway.
 *
 * @param uses  by rising address; a frame that nobody maps is in none
 * @param whole whether every page was looked at, or there are more than this takes
 */
public record FrameMap(List<Use> uses, boolean whole) {

    private static final int INDEX_BITS = 20;
    private static final int MOST = 1 << INDEX_BITS;
    private static final int FRAME = 4096;

    /** Copies the list. */
    public FrameMap {
        uses = List.copyOf(uses);
    }

    /**
     * A page that leads to a frame.
     *
     * @param space   address of the address space
     * @param pid     number of a process in it
     * @param owner   for people
     * @param virtual where it sees the first frame
     */
    public record Mapping(long space, int pid, String owner, long virtual) {
        private boolean continues(Mapping before, long bytes) {
            return space == before.space && virtual == before.virtual + bytes;
        }
    }

    /**
     * Frames that follow each other and are mapped alike.
     *
     * @param start    physical address
     * @param size     bytes
     * @param state    what the kernel's frame records say; empty without records
     * @param mappings of the first frame, in the order of the spaces
     */
    public record Use(long start, long size, String state, List<Mapping> mappings) {
        /** Copies the list. */
        public Use {
            mappings = List.copyOf(mappings);
        }

        private boolean continuedBy(Use next) {
            boolean same = start + size == next.start && state.equals(next.state) && mappings.size() == next.mappings.size();
            for (int i = 0; same && i < mappings.size(); i++) {
                same = next.mappings.get(i).continues(mappings.get(i), size);
            }
            return same;
        }
    }

    /** Every frame of every page, as numbers: objects for a million of them would cost more than the answer. */
    private static final class Pages {
        private final List<PageTable> spaces;
        /** Frame and index in one number, to be sorted. */
        private long[] keys = new long[1024];
        private long[] virtuals = new long[1024];
        private int[] owners = new int[1024];
        private int count;

        Pages(List<PageTable> spaces) {
            this.spaces = spaces;
        }

        /** @return whether there was room for all */
        boolean addSpace(int space) {
            return spaces.get(space).forEachPage(Half.USER, MOST, (virtual, physical, level, permissions, entry) -> {
                for (long offset = 0; offset < PageFormat.size(level); offset += FRAME) {
                    if (count == MOST) {
                        return false;
                    }
                    add((physical + offset) / FRAME, virtual + offset, space);
                }
                return true;
            });
        }

        private void add(long frame, long virtual, int space) {
            if (count == keys.length) {
                keys = Arrays.copyOf(keys, 2 * count);
                virtuals = Arrays.copyOf(virtuals, 2 * count);
                owners = Arrays.copyOf(owners, 2 * count);
            }
            keys[count] = frame << INDEX_BITS | count;
            virtuals[count] = virtual;
            owners[count++] = space;
        }

        List<Use> uses(Frames frames) {
            Arrays.sort(keys, 0, count);
            List<Use> uses = new ArrayList<>();
            for (int i = 0; i < count;) {
                long frame = keys[i] >>> INDEX_BITS;
                List<Mapping> here = new ArrayList<>(1);
                for (; i < count && keys[i] >>> INDEX_BITS == frame; i++) {
                    here.add(mapping((int) (keys[i] & MOST - 1)));
                }
                Use use = new Use(frame * FRAME, FRAME, frames.stateOf(frame), here);
                Use last = uses.isEmpty() ? null : uses.getLast();
                if (last != null && last.continuedBy(use)) {
                    uses.set(uses.size() - 1, new Use(last.start, last.size + FRAME, last.state, last.mappings));
                } else {
                    uses.add(use);
                }
            }
            return uses;
        }

        private Mapping mapping(int index) {
            PageTable space = spaces.get(owners[index]);
            return new Mapping(space.addressSpace(), space.pid(), space.owner(), virtuals[index]);
        }
    }

    /** The frames behind the user pages of a snapshot with page tables; with frames also what each is used for. */
    public static FrameMap of(Snapshot snapshot) {
        Pages pages = new Pages(snapshot.pageTables());
        boolean whole = true;
        for (int space = 0; space < snapshot.pageTables().size(); space++) {
            whole &= snapshot.pageTables().get(space).addressSpace() == 0 || pages.addSpace(space);
        }
        return new FrameMap(pages.uses(snapshot.memory().map(m -> m.frames()).orElse(new Frames(List.of(), List.of()))), whole);
    }
}
