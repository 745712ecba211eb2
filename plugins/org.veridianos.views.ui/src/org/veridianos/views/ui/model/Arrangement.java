package org.veridianos.views.ui.model;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/**
 * Which rows a table shows and in which order, as the user set it: taken on the UI thread, applied in the background.
 *
 * @param columns    the table's columns
 * @param key        what makes a row the same one in the next snapshot
 * @param filter     words that must all be found in a row's texts; empty for all rows
 * @param sortColumn index of the column to sort by, -1 for the order in which they come
 * @param descending whether the sorting is turned round
 * @param frozen     keys in the order in which they are shown now, to be kept while the pointer is on them; null when it is not
 */
public record Arrangement<R>(List<Column<R>> columns, Function<R, Object> key, String filter, int sortColumn, boolean descending, List<Object> frozen) {

    /** Rows beyond this are not shown; the filter finds them. */
    public static final int MOST_ROWS = 10_000;

    /** The rows to show. */
    public Rows<R> apply(List<R> all) {
        List<R> rows = new ArrayList<>();
        String[] words = filter.toLowerCase(Locale.ROOT).strip().split("\\s+");
        for (R row : all) {
            if (matches(row, words)) {
                rows.add(row);
            }
        }
        if (sortColumn >= 0 && sortColumn < columns.size()) {
            Comparator<R> order = columns.get(sortColumn)::compare;
            rows.sort(descending ? order.reversed() : order);
        }
        if (frozen != null) {
            Map<Object, Integer> places = new HashMap<>();
            frozen.forEach(k -> places.put(k, places.size()));
            rows.sort(Comparator.comparingInt(r -> places.getOrDefault(key.apply(r), Integer.MAX_VALUE)));
        }
        int found = rows.size();
        return new Rows<>(List.copyOf(found > MOST_ROWS ? rows.subList(0, MOST_ROWS) : rows), found, all.size());
    }

    private boolean matches(R row, String[] words) {
        for (String word : words) {
            if (!word.isEmpty() && columns.stream().noneMatch(c -> contains(c, row, word))) {
                return false;
            }
        }
        return true;
    }

    private static <R> boolean contains(Column<R> column, R row, String word) {
        return column.text().apply(row).toLowerCase(Locale.ROOT).contains(word) || column.kind() == Column.Kind.HEX && column.plain(row).contains(word);
    }
}
