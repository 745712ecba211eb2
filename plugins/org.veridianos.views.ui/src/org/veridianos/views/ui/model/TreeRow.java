package org.veridianos.views.ui.model;

/**
 * A row of a tree that is shown as an indented list.
 *
 * @param key        what makes it the same row in the next snapshot, and finds it among the open ones
 * @param depth      0 for the roots
 * @param expandable whether it has children
 * @param open       whether they follow
 * @param value      what it shows
 */
public record TreeRow<V>(Object key, int depth, boolean expandable, boolean open, V value) {

    private static final String INDENT = "    ";

    /** A name with the tree's indentation and its arrow. */
    public String indented(String name) {
        return INDENT.repeat(depth) + (expandable ? open ? "\u25be " : "\u25b8 " : "   ") + name;
    }
}
