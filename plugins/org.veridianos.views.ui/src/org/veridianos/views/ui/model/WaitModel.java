package org.veridianos.views.ui.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.WaitForGraph;
import org.veridianos.inspect.model.ThreadState;

/**
 * Who waits for whom, as a graph and as a table.
 *
 * @param graph     threads that wait for others, and those they wait for
 * @param rows      the edges
 * @param deadlocks circles, spelled out
 */
public record WaitModel(Graph graph, Rows<WaitForGraph.Edge> rows, List<String> deadlocks) {

    /** Edges beyond this are in the table only. */
    private static final int MOST_EDGES = 1000;

    /** What {@code snapshot}, with its capabilities, shows. */
    public static WaitModel of(Snapshot snapshot, Arrangement<WaitForGraph.Edge> arrangement) {
        WaitForGraph waits = new WaitForGraph(snapshot);
        Set<String> circle = new LinkedHashSet<>();
        for (WaitForGraph.Deadlock deadlock : waits.deadlocks()) {
            for (int i = 0; i < deadlock.threads().size(); i++) {
                circle.add(id(deadlock.threads().get(i)) + ">" + id(deadlock.threads().get((i + 1) % deadlock.threads().size())));
            }
        }
        Map<String, Graph.Node> nodes = new LinkedHashMap<>();
        List<Graph.Edge> edges = new ArrayList<>();
        for (WaitForGraph.Edge edge : waits.edges()) {
            if (edges.size() < MOST_EDGES) {
                nodes.computeIfAbsent(id(edge.from()), k -> node(snapshot, waits, edge.from()));
                nodes.computeIfAbsent(id(edge.to()), k -> node(snapshot, waits, edge.to()));
                edges.add(new Graph.Edge(id(edge.from()), id(edge.to()), edge.reason() + (edge.object().isEmpty() ? "" : " " + edge.object()),
                        circle.contains(id(edge.from()) + ">" + id(edge.to()))));
            }
        }
        return new WaitModel(new Graph(List.copyOf(nodes.values()), edges), arrangement.apply(waits.edges()),
                waits.deadlocks().stream().map(WaitForGraph.Deadlock::text).toList());
    }

    private static Graph.Node node(Snapshot snapshot, WaitForGraph waits, ThreadState thread) {
        Graph.Kind kind = waits.isStuck(thread) ? Graph.Kind.DANGER : switch (thread.run()) {
            case RUNNING -> Graph.Kind.RUNNING;
            case BLOCKED -> Graph.Kind.WAITING;
            default -> Graph.Kind.PLAIN;
        };
        return new Graph.Node(id(thread), thread.name(), RunQueueModel.stateText(thread), kind,
                new Subject(snapshot.machine().id(), thread.pid(), thread.address(), thread.object(), "Thread"));
    }

    private static String id(ThreadState thread) {
        return Integer.toString(thread.id());
    }
}
