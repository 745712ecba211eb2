package org.veridianos.inspect.sample;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.MemorySource;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.ThreadState;
import org.veridianos.machine.GuestMemory;

/** A guest that changes its data while it is read: what did not stand still says so, and everything else does not. */
class ConsistencyTest {

    private SyntheticKernel kernel;
    private Snapshot still;

    /** Memory in which one word is another one after each reading of it. */
    private static final class Restless implements GuestMemory {
        private final SparseMemory memory;
        private final long word;
        private final LongUnaryOperator change;

        Restless(SparseMemory memory, long word, LongUnaryOperator change) {
            this.memory = memory;
            this.word = word;
            this.change = change;
        }

        private void passed(long address, long length) {
            if (address <= word && word < address + length) {
                memory.write(word, change.applyAsLong(memory.readLong(word)), 8);
            }
        }

        @Override
        public List<Range> ranges() {
            return memory.ranges();
        }

        @Override
        public byte readByte(long address) {
            return memory.readByte(address);
        }

        @Override
        public short readShort(long address) {
            return memory.readShort(address);
        }

        @Override
        public int readInt(long address) {
            int value = memory.readInt(address);
            passed(address, 4);
            return value;
        }

        @Override
        public long readLong(long address) {
            long value = memory.readLong(address);
            passed(address, 8);
            return value;
        }

        @Override
        public void read(long address, byte[] into, int offset, int length) {
            memory.read(address, into, offset, length);
            passed(address, length);
        }

        @Override
        public void close() {
            memory.close();
        }
    }

    @BeforeEach
    void make() throws Exception {
        kernel = SyntheticKernel.of(new SyntheticKernel.Size(3, 2, 20, 4, 10));
        still = kernel.source().take(Request.everything(), Cancel.NEVER);
    }

    private Snapshot take(long virtual, LongUnaryOperator change) throws Exception {
        Restless memory = new Restless(kernel.memory(), virtual - SyntheticKernel.DIRECT, change);
        return new MemorySource(kernel.source().machine(), memory, kernel.image()).take(Request.everything(), Cancel.NEVER);
    }

    private long offset(String type, String path) {
        return kernel.image().types().path(kernel.image().types().type(type).orElseThrow(), path).orElseThrow().offset();
    }

    @Test
    void aThreadThatAlwaysChangesIsMarkedAndNoOther() throws Exception {
        ThreadState thread = still.threads().get(3);
        Snapshot s = take(thread.address() + offset("Thread", "task.metrics.run_time"), v -> v + 1);
        for (ThreadState each : s.threads()) {
            assertEquals(each.id() != thread.id(), each.consistency().consistent(), each.name());
        }
        assertEquals("it changed while it was read", s.threads().get(3).consistency().reason());
        assertEquals(thread.id(), s.threads().get(3).id(), "it is shown nevertheless");
    }

    @Test
    void aThreadThatChangesOnceIsReadAgain() throws Exception {
        long[] left = {1};
        Snapshot s = take(still.threads().get(0).address() + offset("Thread", "task.metrics.run_time"), v -> left[0]-- > 0 ? v + 7 : v);
        assertTrue(s.threads().get(0).consistency().consistent());
        assertEquals(still.threads().get(0).runTime() + 7, s.threads().get(0).runTime());
    }

    @Test
    void aSlotWhoseGenerationRisesIsMarked() throws Exception {
        Capability slot = still.capabilitySpaces().get(1).capabilities().get(5);
        Snapshot s = take(slot.slot() + offset("Slot", "tag"), v -> v + (1L << 32));
        assertEquals(List.of(slot.slot()), s.capabilitySpaces().stream().flatMap(c -> c.capabilities().stream()).filter(c -> !c.isConsistent()).map(Capability::slot)
                .toList());
    }

    @Test
    void anEndpointWithAnOddCountIsMarked() throws Exception {
        long sequence = still.endpoints().get(0).object().address() + offset("Endpoint", "queues.sequence");
        assertTrue(still.endpoints().get(0).consistency().consistent());
        assertFalse(take(sequence, v -> v + 2).endpoints().get(0).consistency().consistent());
        assertTrue(take(sequence, v -> v).endpoints().get(0).consistency().consistent());
        kernel.memory().write(sequence - SyntheticKernel.DIRECT, 1, 8);
        assertFalse(take(sequence, v -> v).endpoints().get(0).consistency().consistent());
    }

    @Test
    void anEntryThatStopsLeadingToItsTableTakesTheTableAlong() throws Exception {
        PageTable space = still.pageTables().stream().filter(t -> t.pid() == 2).findFirst().orElseThrow();
        long top = space.top().physical();
        Snapshot gone = take(top + SyntheticKernel.DIRECT, v -> 0);
        PageTable now = gone.pageTables().stream().filter(t -> t.pid() == 2).findFirst().orElseThrow();
        assertTrue(now.ranges(PageTable.Half.ALL, 10).ranges().isEmpty());
    }

    @Test
    void aRunQueueThatIsLongerThanItSaysIsMarked() throws Exception {
        Consistency sound = still.runQueues().get(1).consistency();
        assertTrue(sound.consistent(), sound.reason());
        long scheduler = kernel.image().types().root("schedulers").orElseThrow().address();
        long length = scheduler - ImageWriter.DATA + ImageWriter.DATA_PHYSICAL + kernel.image().types().type("Scheduler").orElseThrow().size()
                + offset("Scheduler", "ready.length");
        kernel.memory().write(length, 9, 8);
        Snapshot s = kernel.source().take(Request.everything(), Cancel.NEVER);
        assertFalse(s.runQueues().get(1).consistency().consistent());
        assertTrue(s.runQueues().get(0).consistency().consistent());
    }
}
