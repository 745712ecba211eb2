package org.veridianos.views.ui.model;

import java.util.List;

/**
 * Rows as a table shows them.
 *
 * @param shown in order, at most {@link Arrangement#MOST_ROWS}
 * @param found how many passed the filter
 * @param total how many there are
 */
public record Rows<R>(List<R> shown, int found, int total) {

    /** None. */
    public static <R> Rows<R> none() {
        return new Rows<>(List.of(), 0, 0);
    }
}
