package org.veridianos.views.ui.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.elk.alg.layered.options.LayeredMetaDataProvider;
import org.eclipse.elk.core.RecursiveGraphLayoutEngine;
import org.eclipse.elk.core.data.LayoutMetaDataService;
import org.eclipse.elk.core.options.CoreOptions;
import org.eclipse.elk.core.options.Direction;
import org.eclipse.elk.core.util.BasicProgressMonitor;
import org.eclipse.elk.graph.ElkBendPoint;
import org.eclipse.elk.graph.ElkEdge;
import org.eclipse.elk.graph.ElkEdgeSection;
import org.eclipse.elk.graph.ElkNode;
import org.eclipse.elk.graph.util.ElkGraphUtil;
import org.eclipse.swt.graphics.Rectangle;
import org.veridianos.views.ui.model.Graph;

/**
 * A graph with places, as ELK's layered algorithm finds them. Made in the background; immutable.
 *
 * @param graph  the graph
 * @param boxes  where each node is, in the order of the graph's nodes
 * @param routes where each edge runs, as x, y, x, y…, in the order of the graph's edges
 * @param width  of everything
 * @param height of everything
 */
public record GraphLayout(Graph graph, List<Rectangle> boxes, List<int[]> routes, int width, int height) {

    private static final int PAD = 8;

    static {
        LayoutMetaDataService.getInstance().registerLayoutMetaDataProviders(new LayeredMetaDataProvider());
    }

    /**
     * How large letters are, so that boxes fit their texts.
     *
     * @param letter pixels of a letter
     * @param line   pixels of a line
     */
    public record Letters(int letter, int line) {
    }

    /** Lays {@code graph} out, or takes over the places of {@code previous} when the structure is the same. */
    public static GraphLayout of(Graph graph, GraphLayout previous, Letters letters) {
        if (previous != null && previous.graph.structure().equals(graph.structure())) {
            return new GraphLayout(graph, previous.boxes, previous.routes, previous.width, previous.height);
        }
        ElkNode root = ElkGraphUtil.createGraph();
        root.setProperty(CoreOptions.ALGORITHM, "org.eclipse.elk.layered");
        root.setProperty(CoreOptions.DIRECTION, Direction.RIGHT);
        root.setProperty(CoreOptions.SPACING_NODE_NODE, 12.0);
        root.setProperty(org.eclipse.elk.alg.layered.options.LayeredOptions.SPACING_NODE_NODE_BETWEEN_LAYERS, 36.0);
        Map<String, ElkNode> byId = new HashMap<>();
        List<ElkNode> nodes = new ArrayList<>();
        for (Graph.Node node : graph.nodes()) {
            ElkNode box = ElkGraphUtil.createNode(root);
            box.setDimensions(Math.max(node.label().length(), node.detail().length()) * letters.letter() + 2 * PAD, 2 * letters.line() + PAD);
            byId.put(node.id(), box);
            nodes.add(box);
        }
        List<ElkEdge> edges = new ArrayList<>();
        for (Graph.Edge edge : graph.edges()) {
            edges.add(ElkGraphUtil.createSimpleEdge(byId.get(edge.from()), byId.get(edge.to())));
        }
        new RecursiveGraphLayoutEngine().layout(root, new BasicProgressMonitor());
        List<Rectangle> boxes = nodes.stream().map(n -> new Rectangle((int) n.getX(), (int) n.getY(), (int) n.getWidth(), (int) n.getHeight())).toList();
        List<int[]> routes = edges.stream().map(GraphLayout::route).toList();
        return new GraphLayout(graph, boxes, routes, (int) root.getWidth(), (int) root.getHeight());
    }

    private static int[] route(ElkEdge edge) {
        List<Integer> points = new ArrayList<>();
        for (ElkEdgeSection section : edge.getSections()) {
            points.add((int) section.getStartX());
            points.add((int) section.getStartY());
            for (ElkBendPoint bend : section.getBendPoints()) {
                points.add((int) bend.getX());
                points.add((int) bend.getY());
            }
            points.add((int) section.getEndX());
            points.add((int) section.getEndY());
        }
        return points.stream().mapToInt(Integer::intValue).toArray();
    }
}
