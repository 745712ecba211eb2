package org.veridianos.inspect.model;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * Every root that the kernel describes, as far as it was asked for.
 *
 * @param roots  one node each, by name
 * @param whole  whether everything asked for is there, or the limit of nodes ended it
 */
public record ObjectTree(List<ObjectNode> roots, boolean whole) {

    /** Copies the list. */
    public ObjectTree {
        roots = List.copyOf(roots);
    }

    /** The node with a path, if it was read. */
    public Optional<ObjectNode> find(String path) {
        Deque<ObjectNode> open = new ArrayDeque<>(roots);
        while (!open.isEmpty()) {
            ObjectNode node = open.pop();
            if (node.path().equals(path)) {
                return Optional.of(node);
            }
            if (path.startsWith(node.path() + "/")) {
                open.addAll(node.children());
            }
        }
        return Optional.empty();
    }
}
