package org.veridianos.views.ui.model;

import java.util.List;

/**
 * Boxes and arrows, to be laid out and drawn.
 *
 * @param nodes the boxes
 * @param edges the arrows
 */
public record Graph(List<Node> nodes, List<Edge> edges) {

    /** What a box stands for; decides colour and line. */
    public enum Kind {
        /** A thing. */
        PLAIN,
        /** A thread that has a CPU. */
        RUNNING,
        /** A thread that waits for another one. */
        WAITING,
        /** Many things in one box. */
        GROUP,
        /** It came since the chosen moment. */
        NEW,
        /** It would be destroyed, or never goes on. */
        DANGER
    }

    /**
     * A box.
     *
     * @param id     what makes it the same one in the next snapshot
     * @param label  first line
     * @param detail second line
     * @param kind   how it looks
     * @param subject what it stands for, for the other views; may be null
     */
    public record Node(String id, String label, String detail, Kind kind, Subject subject) {
    }

    /**
     * An arrow.
     *
     * @param from   a node's id
     * @param to     a node's id
     * @param label  what stands beside it
     * @param danger whether it is part of a circle
     */
    public record Edge(String from, String to, String label, boolean danger) {
    }

    /** Copies the lists. */
    public Graph {
        nodes = List.copyOf(nodes);
        edges = List.copyOf(edges);
    }

    /** What the layout depends on: two graphs of the same structure are laid out alike. */
    public Object structure() {
        return List.of(nodes.stream().map(n -> n.id + "\n" + Math.max(n.label.length(), n.detail.length())).toList(), edges.stream().map(e -> e.from + "\n" + e.to).toList());
    }
}
