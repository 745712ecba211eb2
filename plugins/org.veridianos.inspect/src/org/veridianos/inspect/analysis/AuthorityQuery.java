package org.veridianos.inspect.analysis;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.veridianos.inspect.analysis.DerivationGraph.Node;
import org.veridianos.inspect.model.CapabilitySpace;

/**
 * Who can reach what, and by which chain.
 *
 * <p>A process reaches what it has a capability to. It may also reach what an object keeps for it, such as a namespace or the
 * buffer of a channel, if it has the right to read that object: those are steps of the chain.
 */
public final class AuthorityQuery {

    private static final String READ = "read";

    /**
     * One way to reach an object.
     *
     * @param space      whose it is
     * @param steps      capabilities used one after another, the first in {@code space}, the last to the object itself
     * @param derivation of the last one: from a capability without a parent down to it
     */
    public record Way(CapabilitySpace space, List<Node> steps, List<Node> derivation) {
        /** Copies the lists. */
        public Way {
            steps = List.copyOf(steps);
            derivation = List.copyOf(derivation);
        }

        /** The capability to the object. */
        public Node last() {
            return steps.get(steps.size() - 1);
        }

        /** The rights that it gives, in words. */
        public String rights() {
            return last().space().rightsText(last().capability());
        }

        /** Whether the process has the capability itself. */
        public boolean isDirect() {
            return steps.size() == 1;
        }
    }

    private final DerivationGraph graph;
    private final List<CapabilitySpace> spaces;
    private final Map<Long, List<CapabilitySpace>> kept = new HashMap<>();

    /** Queries on the spaces that {@code graph} was made from. */
    public AuthorityQuery(List<CapabilitySpace> spaces, DerivationGraph graph) {
        this.graph = graph;
        this.spaces = spaces;
        for (CapabilitySpace space : spaces) {
            if (space.pid() == 0) {
                kept.computeIfAbsent(space.holder().address(), k -> new ArrayList<>()).add(space);
            }
        }
    }

    /** Everything that a process (or any space) can reach; the shortest way to each capability, direct ones first. */
    public List<Way> reachableFrom(CapabilitySpace start) {
        List<Way> ways = new ArrayList<>();
        Set<Long> seen = new HashSet<>(Set.of(start.address()));
        Deque<List<Node>> open = new ArrayDeque<>();
        expand(start, List.of(), start, seen, open, ways);
        while (!open.isEmpty()) {
            List<Node> steps = open.poll();
            for (CapabilitySpace inner : kept.getOrDefault(steps.get(steps.size() - 1).capability().object(), List.of())) {
                if (seen.add(inner.address())) {
                    expand(inner, steps, start, seen, open, ways);
                }
            }
        }
        return ways;
    }

    private void expand(CapabilitySpace space, List<Node> before, CapabilitySpace start, Set<Long> seen, Deque<List<Node>> open, List<Way> ways) {
        space.capabilities().forEach(capability -> {
            Node node = new Node(capability, space);
            List<Node> steps = new ArrayList<>(before);
            steps.add(node);
            ways.add(new Way(start, steps, graph.chain(node)));
            int read = space.rights().indexOf(READ);
            if (kept.containsKey(capability.object()) && (read < 0 || (capability.rights() >>> read & 1) != 0)) {
                open.add(steps);
            }
        });
    }

    /** Every process that can reach an object, with the shortest way of each; direct ones first, then by number. */
    public List<Way> whoReaches(long object) {
        List<Way> ways = new ArrayList<>();
        Map<Long, List<Node>> holders = new HashMap<>();
        for (Node node : graph.of(object)) {
            holders.computeIfAbsent(node.space().address(), k -> new ArrayList<>()).add(node);
        }
        boolean onlyDirect = holders.values().stream().allMatch(nodes -> nodes.get(0).space().pid() != 0);
        for (CapabilitySpace space : spaces) {
            if (space.pid() == 0) {
                continue;
            }
            for (Node node : holders.getOrDefault(space.address(), List.of())) {
                ways.add(new Way(space, List.of(node), graph.chain(node)));
            }
            if (!onlyDirect) {
                reachableFrom(space).stream().filter(w -> !w.isDirect() && w.last().capability().object() == object).forEach(ways::add);
            }
        }
        ways.sort(Comparator.comparing((Way w) -> w.steps().size()).thenComparing(w -> w.space().pid()));
        return ways;
    }
}
