package org.veridianos.ide.ui.terminal;

import java.util.Arrays;

/** A row of cells. {@code wrapped} says that the text goes on in the next row without a line end. */
final class Line {
    long[] cells;
    boolean wrapped;

    Line(int columns) {
        cells = new long[columns];
        Arrays.fill(cells, Cell.BLANK);
    }

    private Line(long[] cells, boolean wrapped) {
        this.cells = cells;
        this.wrapped = wrapped;
    }

    void fill(int from, int to, long cell) {
        Arrays.fill(cells, Math.max(0, from), Math.min(cells.length, to), cell);
    }

    /** @return number of cells up to the last one that shows something */
    int contentLength() {
        int n = cells.length;
        while (n > 0 && cells[n - 1] == Cell.BLANK) {
            n--;
        }
        return n;
    }

    /** @return a copy without the blank end, as the scrollback keeps it */
    Line trimmed() {
        return new Line(Arrays.copyOf(cells, wrapped ? cells.length : contentLength()), wrapped);
    }

    static Line of(long[] cells, boolean wrapped) {
        return new Line(cells, wrapped);
    }

    static void appendText(StringBuilder out, long[] cells, int from, int to) {
        int end = Math.min(to, cells.length);
        for (int i = Math.max(0, from); i < end; i++) {
            if ((cells[i] & Cell.WIDE_TAIL) == 0) {
                out.appendCodePoint(Cell.codePoint(cells[i]));
            }
        }
    }
}
