package org.veridianos.inspect.model;

import java.util.List;

/**
 * A node of the generic view: a root, a field, an element.
 *
 * @param path        names from the root joined by {@code /}; it finds the node again in a later snapshot
 * @param name        name of the root or field, or index of the element
 * @param type        name of its type
 * @param kind        what it is: {@code structure}, {@code pointer}, {@code list}, {@code unsigned}, …
 * @param value       in words; empty for what is told by its children
 * @param address     virtual address; 0 for none
 * @param file        source file of its type, relative to the kernel's package; empty for none
 * @param line        source line of its type; 0 for none
 * @param expandable  whether it has children, expanded or not
 * @param children    those that were asked for
 * @param consistency whether it was read whole, and stood still
 */
public record ObjectNode(String path, String name, String type, String kind, String value, long address, String file, int line, boolean expandable,
        List<ObjectNode> children, Consistency consistency) {

    /** Copies the list. */
    public ObjectNode {
        children = List.copyOf(children);
    }
}
