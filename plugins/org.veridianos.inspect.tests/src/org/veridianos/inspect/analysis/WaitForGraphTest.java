package org.veridianos.inspect.analysis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Samples;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.KernelObject;
import org.veridianos.inspect.model.ThreadState;
import org.veridianos.inspect.model.ThreadState.Wait;

/** Who waits for whom, and who will never go on. */
class WaitForGraphTest {

    private static WaitForGraph graph(List<ThreadState> threads, Capability... capabilities) {
        Snapshot.Content content = new Snapshot.Content();
        content.threads = threads;
        content.capabilitySpaces = List.of(Samples.space(2, List.of(capabilities)));
        return new WaitForGraph(Samples.snapshot(Request.of(Part.THREADS), content));
    }

    @Test
    void aCircleOfThreeIsSpelledOut() {
        WaitForGraph graph = graph(List.of(Samples.thread(1, 1, Samples.waitFor("Reply", 2)), Samples.thread(2, 2, Samples.waitFor("Mutex", 3)),
                Samples.thread(3, 2, new Wait("Join", new KernelObject(1, "Thread", "p1/1"), 1, 0, 0, 0, 0)), Samples.thread(4, 3, Samples.waitFor("Reply", 1))));
        assertEquals(1, graph.deadlocks().size());
        assertEquals(List.of(1, 2, 3), graph.deadlocks().get(0).threads().stream().map(ThreadState::id).toList());
        assertEquals("p1/1 waits for the reply of p2/2 on e; p2/2 waits for a mutex (at 0x0) that p2/3 holds; p2/3 waits for the end of p1/1",
                graph.deadlocks().get(0).text());
        assertTrue(graph.isStuck(Samples.thread(4, 3, Wait.NONE)), "whoever waits for the circle is stuck too");
    }

    @Test
    void aChainThatEndsInARunningThreadIsNone() {
        WaitForGraph graph = graph(List.of(Samples.thread(1, 1, Samples.waitFor("Reply", 2)), Samples.thread(2, 2, Wait.NONE)));
        assertEquals(List.of(), graph.deadlocks());
        assertEquals(1, graph.edges().size());
    }

    @Test
    void aServerThatWaitsForMessagesIsNoDeadlock() {
        WaitForGraph graph = graph(List.of(Samples.thread(1, 1, Samples.waitAt("Receive", 70)), Samples.thread(2, 2, Samples.waitAt("Notification", 71))));
        assertEquals(List.of(), graph.deadlocks());
        assertFalse(graph.isStuck(Samples.thread(1, 1, Wait.NONE)));
    }

    @Test
    void aDeadlineBreaksTheCircle() {
        Wait timed = new Wait("Reply", KernelObject.NONE, 0, 1, 0, 0, 5_000);
        assertEquals(List.of(), graph(List.of(Samples.thread(1, 1, Samples.waitFor("Reply", 2)), Samples.thread(2, 2, timed))).deadlocks());
    }

    @Test
    void aCallThatNobodyTakesWaitsForAnyReceiver() {
        Capability receive = new Capability(Samples.slot(0), 0x1000001, 1, 70, "Endpoint", 1, 0, "Inherit", 0, 0, 0, 0);
        ThreadState caller = Samples.thread(1, 1, Samples.waitAt("Call", 70));
        ThreadState stuck = Samples.thread(2, 2, Samples.waitFor("Reply", 1));
        assertEquals(1, graph(List.of(caller, stuck), receive).deadlocks().size());
        WaitForGraph saved = graph(List.of(caller, stuck, Samples.thread(3, 2, Samples.waitAt("Receive", 71))), receive);
        assertEquals(List.of(), saved.deadlocks(), "the third thread may still receive there");
    }

    @Test
    void aThreadThatWaitsForItselfIsACircleOfOne() {
        assertEquals(1, graph(List.of(Samples.thread(1, 1, Samples.waitFor("Mutex", 1)))).deadlocks().size());
    }
}
