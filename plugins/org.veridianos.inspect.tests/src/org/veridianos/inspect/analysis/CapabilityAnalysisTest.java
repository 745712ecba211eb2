package org.veridianos.inspect.analysis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Samples;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.AuthorityQuery.Way;
import org.veridianos.inspect.analysis.DerivationGraph.Node;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.KernelObject;
import org.veridianos.inspect.model.ThreadState;
import org.veridianos.inspect.model.ThreadState.Wait;

/** Derivation, revocation and authority on trees made at random (fixed seed), against the plainest way to compute the same. */
class CapabilityAnalysisTest {

    private static final int ROUNDS = 300;

    private static int[] tree(Random random, int size) {
        int[] parents = new int[size];
        for (int i = 0; i < size; i++) {
            parents[i] = i == 0 || random.nextInt(10) == 0 ? -1 : random.nextInt(i);
        }
        return parents;
    }

    /** Repeats "whose parent is in the set" until nothing is added. */
    private static Set<Long> below(int[] parents, int top) {
        Set<Integer> all = new HashSet<>(Set.of(top));
        boolean grown = true;
        while (grown) {
            grown = false;
            for (int i = 0; i < parents.length; i++) {
                grown |= parents[i] >= 0 && all.contains(parents[i]) && all.add(i);
            }
        }
        all.remove(top);
        return all.stream().map(Samples::slot).collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<Long> slots(List<Node> nodes) {
        return nodes.stream().map(n -> n.capability().slot()).collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void thePreviewIsWhatRepeatedSearchFinds() {
        Random random = new Random(6);
        for (int round = 0; round < ROUNDS; round++) {
            int[] parents = tree(random, 1 + random.nextInt(200));
            List<CapabilitySpace> spaces = Samples.spaces(parents, random.ints(parents.length, 1, 9).toArray(), 0x42);
            Snapshot.Content content = new Snapshot.Content();
            content.capabilitySpaces = spaces;
            int victim = random.nextInt(parents.length);
            int waiter = random.nextInt(parents.length);
            content.threads = List.of(Samples.thread(1, 1, new Wait("Receive", KernelObject.NONE, 0, 0, Samples.slot(waiter), 1, 0)),
                    Samples.thread(2, 1, new Wait("Receive", KernelObject.NONE, 0, 0, Samples.slot(waiter), 2, 0)));
            DerivationGraph graph = new DerivationGraph(spaces);
            assertEquals(List.of(), graph.inconsistent());
            RevocationPreview preview = RevocationPreview.of(Samples.snapshot(Request.of(Part.CAPABILITIES), content), graph,
                    graph.node(Samples.slot(victim)).orElseThrow());
            Set<Long> expected = below(parents, victim);
            assertEquals(expected, slots(preview.destroyed()), "round " + round);
            assertEquals(expected.size(), preview.spaces().values().stream().mapToInt(Integer::intValue).sum());
            List<Integer> unblocked = preview.unblocked().stream().map(ThreadState::id).toList();
            assertEquals(expected.contains(Samples.slot(waiter)) ? List.of(1) : List.of(), unblocked, "a wait through an older generation is another's");
            assertTrue(preview.certain());
        }
    }

    @Test
    void parentsComeBeforeChildren() {
        int[] parents = {-1, 0, 1, 2, 0};
        DerivationGraph graph = new DerivationGraph(Samples.spaces(parents, new int[] {1, 1, 1, 1, 1}, 1));
        List<Node> all = graph.descendants(graph.node(Samples.slot(0)).orElseThrow());
        for (Node node : all) {
            Node parent = graph.parent(node).orElseThrow();
            assertTrue(parent.capability().slot() == Samples.slot(0) || all.indexOf(parent) < all.indexOf(node));
        }
        assertEquals(List.of(Samples.slot(0), Samples.slot(1), Samples.slot(2), Samples.slot(3)),
                graph.chain(graph.node(Samples.slot(3)).orElseThrow()).stream().map(n -> n.capability().slot()).toList());
    }

    @Test
    void aCircleOfParentsEndsAndIsNamed() {
        List<Capability> all = List.of(capability(0, 1, 1, 0), capability(1, 0, 0, 0), capability(2, 1, -1, 0));
        DerivationGraph graph = new DerivationGraph(List.of(Samples.space(1, all)));
        assertFalse(graph.inconsistent().isEmpty());
        for (Node node : graph.nodes()) {
            assertTrue(graph.chain(node).size() <= 3);
            assertTrue(graph.descendants(node).size() <= 2);
        }
    }

    private static Capability capability(int index, int parent, int child, int rights) {
        return new Capability(Samples.slot(index), 1L << 24 | index, 1, 7, "Memory", rights, 0, "Inherit", 0, Samples.slot(parent), Samples.slot(child), 0);
    }

    @Test
    void aParentThatIsNotThereIsNamed() {
        DerivationGraph graph = new DerivationGraph(List.of(Samples.space(1, List.of(capability(0, 5, -1, 63)))));
        assertEquals(1, graph.inconsistent().size());
        assertEquals(1, graph.roots(7).size());
    }

    @Test
    void authorityGoesThroughWhatAnObjectKeeps() {
        Capability namespace = new Capability(Samples.slot(0), 0x1000005, 1, 500, "Namespace", 1, 0, "Drop", 0, 0, 0, 0);
        Capability writeOnly = new Capability(Samples.slot(1), 0x1000005, 1, 500, "Namespace", 2, 0, "Drop", 0, 0, 0, 0);
        Capability kept = new Capability(Samples.slot(2), 0x1000001, 1, 600, "Endpoint", 2, 0, "Inherit", 0, 0, 0, 0);
        CapabilitySpace inner = new CapabilitySpace(0x900, 9, new KernelObject(500, "Namespace", "names"), 0, List.of(), List.of(kept), 10, Samples.RIGHTS,
                Consistency.OK);
        List<CapabilitySpace> spaces = List.of(Samples.space(1, List.of(namespace)), Samples.space(2, List.of(writeOnly)), inner);
        AuthorityQuery query = new AuthorityQuery(spaces, new DerivationGraph(spaces));
        List<Way> ways = query.whoReaches(600);
        assertEquals(List.of(1), ways.stream().map(w -> w.space().pid()).toList());
        assertEquals(List.of(Samples.slot(0), Samples.slot(2)), ways.get(0).steps().stream().map(n -> n.capability().slot()).toList());
        assertEquals("write", ways.get(0).rights());
        assertEquals(2, query.reachableFrom(spaces.get(0)).size());
        assertEquals(1, query.reachableFrom(spaces.get(1)).size());
    }

    @Test
    void directAuthorityIsEveryHolder() {
        Random random = new Random(7);
        for (int round = 0; round < 50; round++) {
            int[] parents = tree(random, 60);
            int[] owners = random.ints(parents.length, 1, 9).toArray();
            List<CapabilitySpace> spaces = Samples.spaces(parents, owners, 0x42);
            AuthorityQuery query = new AuthorityQuery(spaces, new DerivationGraph(spaces));
            assertEquals(parents.length, query.whoReaches(0x42).size());
            assertEquals(List.of(), query.whoReaches(0x43));
        }
    }
}
