package org.veridianos.views.ui.model;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.AuthorityQuery;
import org.veridianos.inspect.analysis.DerivationGraph;
import org.veridianos.inspect.analysis.DerivationGraph.Node;
import org.veridianos.inspect.analysis.RevocationPreview;
import org.veridianos.inspect.model.CapabilitySpace;

/**
 * Which capability was derived from which, what revoking one of them would destroy, and who can reach its object.
 *
 * @param graph    the trees of the chosen process or object, across all processes
 * @param slots    slots of the capabilities that have a box of their own, by the box's id
 * @param preview  what revoking the chosen capability would destroy; null when none is chosen
 * @param ways     the table: who reaches the object, or all that the process reaches
 * @param all      every live capability's slot with its generation, to tell later ones as new
 * @param hidden   capabilities that are in boxes of groups
 */
public record DerivationModel(Graph graph, Map<String, Long> slots, RevocationPreview preview, Rows<DerivationModel.Way> ways, Set<Long> all, int hidden) {

    /** Boxes at most; what is beyond stands in groups by process and type. */
    public static final int MOST_BOXES = 1000;

    /**
     * A way to an object.
     *
     * @param process who has it
     * @param object  to what
     * @param kind    the object's kind
     * @param rights  with which rights
     * @param chain   by which chain
     */
    public record Way(String process, String object, String kind, String rights, String chain) {
    }

    /**
     * What to show.
     *
     * @param pid    a process, 0 for none
     * @param object an object, which counts more than the process; 0 for none
     * @param slot   the chosen capability, 0 for none
     * @param moment what {@link DerivationModel#all} was at the chosen moment; null for none
     */
    public record Choice(int pid, long object, long slot, Set<Long> moment) {
    }

    /** What {@code snapshot}, with its capabilities, shows of {@code choice}. */
    public static DerivationModel of(Snapshot snapshot, Choice choice, Arrangement<Way> arrangement) {
        DerivationGraph derivation = new DerivationGraph(snapshot.capabilitySpaces());
        Set<Long> all = new HashSet<>();
        derivation.nodes().forEach(n -> all.add(identity(n)));
        List<Node> roots = roots(snapshot, derivation, choice);
        RevocationPreview preview = derivation.node(choice.slot).map(n -> RevocationPreview.of(snapshot, derivation, n)).orElse(null);
        Set<Long> dying = new HashSet<>();
        if (preview != null) {
            preview.destroyed().forEach(n -> dying.add(n.capability().slot()));
        }
        Builder builder = new Builder(snapshot, derivation, dying, choice.moment);
        builder.add(roots);
        AuthorityQuery query = new AuthorityQuery(snapshot.capabilitySpaces(), derivation);
        List<AuthorityQuery.Way> found = choice.object != 0 ? query.whoReaches(choice.object)
                : snapshot.capabilitySpaces().stream().filter(s -> s.pid() == choice.pid).findFirst().map(query::reachableFrom).orElse(List.of());
        List<Way> ways = found.stream().map(w -> way(snapshot, w)).toList();
        return new DerivationModel(new Graph(List.copyOf(builder.boxes.values()), builder.edges), Map.copyOf(builder.slots), preview, arrangement.apply(ways), all,
                builder.hidden);
    }

    private static long identity(Node node) {
        return node.capability().slot() * 0x9e37_79b9_7f4a_7c15L + node.capability().generation();
    }

    private static List<Node> roots(Snapshot snapshot, DerivationGraph derivation, Choice choice) {
        if (choice.object != 0) {
            return derivation.roots(choice.object);
        }
        Set<Long> seen = new LinkedHashSet<>();
        List<Node> roots = new ArrayList<>();
        for (CapabilitySpace space : snapshot.capabilitySpaces()) {
            if (space.pid() == choice.pid) {
                space.capabilities().forEach(c -> derivation.node(c.slot()).map(n -> derivation.chain(n).get(0)).filter(n -> seen.add(n.capability().slot())).ifPresent(roots::add));
            }
        }
        return roots;
    }

    private static Way way(Snapshot snapshot, AuthorityQuery.Way way) {
        Node last = way.last();
        String steps = String.join(" \u2192 ", way.steps().stream().map(n -> snapshot.object(n.capability().object(), n.capability().kind()).name()).toList());
        String derived = String.join(" \u2192 ", way.derivation().stream().map(n -> n.space().holder().name()).toList());
        return new Way(way.space().holder().name(), snapshot.object(last.capability().object(), last.capability().kind()).name(), last.capability().kind(),
                SpaceModel.letters(last.space().rights(), last.capability().rights()), way.isDirect() ? derived : steps);
    }

    /** Boxes breadth first, so that what is left out is deep; the children that have no room stand in groups. */
    private static final class Builder {
        private final Snapshot snapshot;
        private final DerivationGraph derivation;
        private final Set<Long> dying;
        private final Set<Long> moment;
        private final Map<String, Graph.Node> boxes = new LinkedHashMap<>();
        private final Map<String, Long> slots = new LinkedHashMap<>();
        private final List<Graph.Edge> edges = new ArrayList<>();
        private int hidden;

        Builder(Snapshot snapshot, DerivationGraph derivation, Set<Long> dying, Set<Long> moment) {
            this.snapshot = snapshot;
            this.derivation = derivation;
            this.dying = dying;
            this.moment = moment;
        }

        void add(List<Node> roots) {
            Deque<Node> open = new ArrayDeque<>();
            place(null, roots, open);
            while (!open.isEmpty()) {
                Node node = open.poll();
                place(node, derivation.children(node), open);
            }
        }

        private void place(Node parent, List<Node> children, Deque<Node> open) {
            Map<String, List<Node>> groups = new LinkedHashMap<>();
            for (Node child : children) {
                if (boxes.size() < MOST_BOXES - 50) {
                    String id = id(child);
                    boxes.put(id, box(child));
                    slots.put(id, child.capability().slot());
                    if (parent != null) {
                        edges.add(new Graph.Edge(id(parent), id, "", dying.contains(child.capability().slot())));
                    }
                    open.add(child);
                } else {
                    groups.computeIfAbsent(child.space().holder().name() + "\n" + child.capability().kind(), k -> new ArrayList<>()).add(child);
                }
            }
            groups.forEach((name, members) -> {
                int count = members.stream().mapToInt(m -> 1 + derivation.descendants(m).size()).sum();
                hidden += count;
                if (boxes.size() < MOST_BOXES) {
                    String id = (parent == null ? "" : id(parent)) + "\n" + name;
                    String[] words = name.split("\n", 2);
                    boxes.put(id, new Graph.Node(id, Numbers.count(count) + " \u00d7 " + words[1], words[0], Graph.Kind.GROUP, null));
                    if (parent != null) {
                        edges.add(new Graph.Edge(id(parent), id, "", false));
                    }
                }
            });
        }

        private Graph.Node box(Node node) {
            Graph.Kind kind = dying.contains(node.capability().slot()) ? Graph.Kind.DANGER
                    : moment != null && !moment.contains(identity(node)) ? Graph.Kind.NEW : Graph.Kind.PLAIN;
            String object = snapshot.object(node.capability().object(), node.capability().kind()).name();
            return new Graph.Node(id(node), object, node.space().holder().name() + "  " + SpaceModel.letters(node.space().rights(), node.capability().rights()), kind,
                    new Subject(snapshot.machine().id(), node.space().pid(), 0, node.capability().object(), node.capability().kind()));
        }

        private static String id(Node node) {
            return Long.toHexString(node.capability().slot());
        }
    }
}
