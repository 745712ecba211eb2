package org.veridianos.ide.ui.terminal;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/** Breaks logical lines (rows joined by {@link Line#wrapped}) at another width. */
final class Reflow {
    private Reflow() {
    }

    static void rewrap(Collection<Line> rows, int columns, List<Line> out) {
        long[] logical = new long[256];
        int length = 0;
        boolean open = false;
        for (Line row : rows) {
            int count = row.wrapped ? row.cells.length : row.contentLength();
            if (length + count > logical.length) {
                logical = Arrays.copyOf(logical, Math.max(length + count, logical.length * 2));
            }
            System.arraycopy(row.cells, 0, logical, length, count);
            length += count;
            open = row.wrapped;
            if (!open) {
                split(logical, length, columns, false, out);
                length = 0;
            }
        }
        if (open) {
            split(logical, length, columns, true, out);
        }
    }

    private static void split(long[] logical, int length, int columns, boolean open, List<Line> out) {
        int at = 0;
        do {
            int end = Math.min(length, at + columns);
            if (end < length && end - at > 1 && (logical[end] & Cell.WIDE_TAIL) != 0) {
                end--;
            }
            out.add(Line.of(Arrays.copyOfRange(logical, at, end), end < length || open));
            at = end;
        } while (at < length);
    }
}
