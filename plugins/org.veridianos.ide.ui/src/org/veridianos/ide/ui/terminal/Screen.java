package org.veridianos.ide.ui.terminal;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The visible rows, the cursor and what the control sequences can change about them. Lines that
 * scroll off the top of the main screen go to the {@link Scrollback}; the alternate screen has none.
 *
 * <p>Invariant: the cursor is inside the screen; a pending wrap is kept in {@link #wrapPending}
 * instead of a cursor beyond the last column, as a VT100 does. Not thread-safe, {@link Terminal} is.
 */
final class Screen {
    private static final int MAXIMUM_PULL = 1000;

    private final Scrollback scrollback;
    private int columns;
    private int rows;
    private Line[] lines;
    private Line[] mainLines;
    private int row;
    private int column;
    private boolean wrapPending;
    private int top;
    private int bottom;
    private boolean[] tabStops;
    private long style;
    private Saved saved = Saved.HOME;
    private Saved savedOnMain = Saved.HOME;

    boolean autoWrap = true;
    boolean insertMode;
    boolean originMode;
    boolean newLineMode;
    boolean cursorVisible = true;
    boolean applicationCursorKeys;
    boolean bracketedPaste;
    /** Character sets G0 and G1: true means the DEC line drawing set; {@code shiftOut} selects G1. */
    final boolean[] lineDrawing = new boolean[2];
    boolean shiftOut;

    private record Saved(int row, int column, long style, boolean origin, boolean wrapPending, boolean g0, boolean g1,
            boolean shiftOut) {
        static final Saved HOME = new Saved(0, 0, 0, false, false, false, false, false);
    }

    Screen(int columns, int rows, Scrollback scrollback) {
        this.scrollback = scrollback;
        this.columns = columns;
        this.rows = rows;
        reset();
    }

    /** Back to the state after power on; what was printed stays in the scrollback. */
    void reset() {
        mainLines = null;
        lines = blankLines(rows, columns);
        row = 0;
        column = 0;
        wrapPending = false;
        top = 0;
        bottom = rows - 1;
        style = 0;
        saved = Saved.HOME;
        savedOnMain = Saved.HOME;
        autoWrap = true;
        insertMode = false;
        originMode = false;
        newLineMode = false;
        cursorVisible = true;
        applicationCursorKeys = false;
        bracketedPaste = false;
        Arrays.fill(lineDrawing, false);
        shiftOut = false;
        defaultTabStops();
    }

    int columns() {
        return columns;
    }

    int rows() {
        return rows;
    }

    int row() {
        return row;
    }

    int column() {
        return column;
    }

    Line line(int index) {
        return lines[index];
    }

    boolean isAlternate() {
        return mainLines != null;
    }

    long style() {
        return style;
    }

    void setStyle(long newStyle) {
        style = newStyle;
    }

    /** Prints one character at the cursor. */
    void print(int codePoint) {
        int width = CharacterWidth.of(codePoint);
        if (width == 0) {
            return;
        }
        if (wrapPending && autoWrap) {
            wrap();
        }
        if (width == 2 && column == columns - 1) {
            if (!autoWrap || columns < 2) {
                return;
            }
            wrap();
        }
        if (insertMode) {
            insertCells(width);
        }
        Line line = lines[row];
        splitWide(line, column);
        splitWide(line, column + width);
        line.cells[column] = style | codePoint | (width == 2 ? Cell.WIDE : 0);
        if (width == 2) {
            line.cells[column + 1] = style | ' ' | Cell.WIDE_TAIL;
        }
        advance(width);
    }

    /** Prints plain ASCII, the fast path of a console that floods. */
    void printAscii(byte[] data, int from, int to) {
        int at = from;
        while (at < to) {
            if (wrapPending && autoWrap) {
                wrap();
            }
            Line line = lines[row];
            int count = Math.min(to - at, columns - column);
            splitWide(line, column);
            splitWide(line, column + count);
            for (int i = 0; i < count; i++) {
                line.cells[column + i] = style | data[at + i];
            }
            at += count;
            advance(count);
        }
    }

    private void advance(int count) {
        column += count;
        if (column >= columns) {
            column = columns - 1;
            wrapPending = true;
        }
    }

    private void wrap() {
        lines[row].wrapped = true;
        column = 0;
        wrapPending = false;
        index();
    }

    /** Overwriting one half of a wide character blanks the other. */
    private static void splitWide(Line line, int at) {
        if (at > 0 && at < line.cells.length && (line.cells[at] & Cell.WIDE_TAIL) != 0) {
            line.cells[at] = Cell.BLANK;
            line.cells[at - 1] = Cell.BLANK;
        }
    }

    void carriageReturn() {
        column = 0;
        wrapPending = false;
    }

    void backspace() {
        if (column > 0) {
            column--;
        }
        wrapPending = false;
    }

    void lineFeed() {
        lines[row].wrapped = false;
        index();
        if (newLineMode) {
            carriageReturn();
        }
    }

    /** One row down; at the bottom of the scroll region the region scrolls. */
    void index() {
        wrapPending = false;
        if (row == bottom) {
            scrollUp(1);
        } else if (row < rows - 1) {
            row++;
        }
    }

    /** One row up; at the top of the scroll region the region scrolls. */
    void reverseIndex() {
        wrapPending = false;
        if (row == top) {
            scrollDown(1);
        } else if (row > 0) {
            row--;
        }
    }

    void scrollUp(int count) {
        scrollUp(top, count, true);
    }

    private void scrollUp(int from, int count, boolean keep) {
        int n = Math.min(count, bottom - from + 1);
        for (int i = 0; i < n; i++) {
            Line first = lines[from];
            if (keep && from == 0 && !isAlternate()) {
                scrollback.push(first.trimmed());
            }
            System.arraycopy(lines, from + 1, lines, from, bottom - from);
            first.fill(0, columns, Cell.erased(style));
            first.wrapped = false;
            lines[bottom] = first;
        }
    }

    void scrollDown(int count) {
        scrollDown(top, count);
    }

    private void scrollDown(int from, int count) {
        int n = Math.min(count, bottom - from + 1);
        for (int i = 0; i < n; i++) {
            Line last = lines[bottom];
            System.arraycopy(lines, from, lines, from + 1, bottom - from);
            last.fill(0, columns, Cell.erased(style));
            last.wrapped = false;
            lines[from] = last;
        }
    }

    void insertLines(int count) {
        if (row >= top && row <= bottom) {
            scrollDown(row, count);
            carriageReturn();
        }
    }

    void deleteLines(int count) {
        if (row >= top && row <= bottom) {
            scrollUp(row, count, false);
            carriageReturn();
        }
    }

    void insertCells(int count) {
        Line line = lines[row];
        int n = Math.min(count, columns - column);
        System.arraycopy(line.cells, column, line.cells, column + n, columns - column - n);
        line.fill(column, column + n, Cell.erased(style));
        wrapPending = false;
    }

    void deleteCells(int count) {
        Line line = lines[row];
        int n = Math.min(count, columns - column);
        System.arraycopy(line.cells, column + n, line.cells, column, columns - column - n);
        line.fill(columns - n, columns, Cell.erased(style));
        wrapPending = false;
    }

    void eraseCells(int count) {
        lines[row].fill(column, column + Math.min(count, columns - column), Cell.erased(style));
        wrapPending = false;
    }

    /** @param mode 0 to the end of the line, 1 from its beginning, 2 all of it */
    void eraseInLine(int mode) {
        int from = mode == 0 ? column : 0;
        int to = mode == 1 ? column + 1 : columns;
        lines[row].fill(from, to, Cell.erased(style));
        if (mode != 1) {
            lines[row].wrapped = false;
        }
        wrapPending = false;
    }

    /** @param mode 0 to the end of the screen, 1 from its beginning, 2 all of it, 3 the scrollback */
    void eraseInDisplay(int mode) {
        if (mode == 3) {
            scrollback.clear();
            return;
        }
        if (mode == 2 && !isAlternate()) {
            keepScreenInScrollback();
        }
        int from = mode == 0 ? row + 1 : 0;
        int to = mode == 1 ? row : rows;
        for (int i = from; i < to; i++) {
            lines[i].fill(0, columns, Cell.erased(style));
            lines[i].wrapped = false;
        }
        if (mode != 2) {
            eraseInLine(mode);
        }
    }

    /** A guest that clears its screen must not take the lines above away from the reader. */
    private void keepScreenInScrollback() {
        int used = usedRows();
        for (int i = 0; i < used; i++) {
            scrollback.push(lines[i].trimmed());
        }
    }

    private int usedRows() {
        int used = rows;
        while (used > 0 && lines[used - 1].contentLength() == 0) {
            used--;
        }
        return used;
    }

    void moveTo(int newRow, int newColumn) {
        int base = originMode ? top : 0;
        int limit = originMode ? bottom : rows - 1;
        row = Math.clamp((long) base + newRow, base, limit);
        column = Math.clamp(newColumn, 0, columns - 1);
        wrapPending = false;
    }

    void moveToColumn(int newColumn) {
        column = Math.clamp(newColumn, 0, columns - 1);
        wrapPending = false;
    }

    void moveToRow(int newRow) {
        moveTo(newRow, column);
    }

    /** Moves without scrolling; stops at the scroll region's edge when it starts inside. */
    void moveBy(int rowDelta, int columnDelta) {
        int low = row >= top ? top : 0;
        int high = row <= bottom ? bottom : rows - 1;
        row = Math.clamp((long) row + rowDelta, low, high);
        column = Math.clamp((long) column + columnDelta, 0, columns - 1);
        wrapPending = false;
    }

    void setScrollRegion(int newTop, int newBottom) {
        int low = Math.clamp(newTop, 0, rows - 1);
        int high = Math.clamp(newBottom, 0, rows - 1);
        if (low >= high) {
            low = 0;
            high = rows - 1;
        }
        top = low;
        bottom = high;
        moveTo(0, 0);
    }

    void tab(int count) {
        for (int i = 0; i < count && column < columns - 1; i++) {
            do {
                column++;
            } while (column < columns - 1 && !tabStops[column]);
        }
        wrapPending = false;
    }

    void backTab(int count) {
        for (int i = 0; i < count && column > 0; i++) {
            do {
                column--;
            } while (column > 0 && !tabStops[column]);
        }
        wrapPending = false;
    }

    void setTabStop() {
        tabStops[column] = true;
    }

    void clearTabStop(boolean all) {
        if (all) {
            Arrays.fill(tabStops, false);
        } else {
            tabStops[column] = false;
        }
    }

    void saveCursor() {
        saved = new Saved(row, column, style, originMode, wrapPending, lineDrawing[0], lineDrawing[1], shiftOut);
    }

    void restoreCursor() {
        row = Math.min(saved.row, rows - 1);
        column = Math.min(saved.column, columns - 1);
        style = saved.style;
        originMode = saved.origin;
        wrapPending = saved.wrapPending;
        lineDrawing[0] = saved.g0;
        lineDrawing[1] = saved.g1;
        shiftOut = saved.shiftOut;
    }

    /** Switches to the alternate screen and back; each has its own saved cursor. */
    void useAlternate(boolean alternate) {
        if (alternate == isAlternate()) {
            return;
        }
        if (alternate) {
            mainLines = lines;
            savedOnMain = saved;
            lines = blankLines(rows, columns);
        } else {
            lines = mainLines;
            saved = savedOnMain;
            mainLines = null;
        }
        wrapPending = false;
    }

    /** Fills the screen with E, the alignment test. */
    void alignmentPattern() {
        for (Line line : lines) {
            line.fill(0, columns, 'E');
        }
        top = 0;
        bottom = rows - 1;
        row = 0;
        column = 0;
        wrapPending = false;
    }

    /** Changes the size; the main screen's text is wrapped anew, the alternate screen is cropped. */
    void resize(int newColumns, int newRows) {
        if (newColumns == columns && newRows == rows) {
            return;
        }
        if (isAlternate()) {
            lines = crop(lines, newColumns, newRows);
            mainLines = crop(mainLines, newColumns, newRows);
            row = Math.min(row, newRows - 1);
            column = Math.min(column, newColumns - 1);
        } else {
            reflow(newColumns, newRows);
        }
        columns = newColumns;
        rows = newRows;
        top = 0;
        bottom = rows - 1;
        wrapPending = false;
        defaultTabStops();
    }

    private void reflow(int newColumns, int newRows) {
        List<Line> current = new ArrayList<>(Arrays.asList(lines).subList(0, Math.max(row + 1, usedRows())));
        List<Line> out = new ArrayList<>();
        int cursorRow = row;
        int cursorColumn = column;
        if (newColumns == columns) {
            out.addAll(current);
        } else {
            int start = row + pullOpenLine(current);
            int cursorAt = start;
            while (start > 0 && current.get(start - 1).wrapped) {
                start--;
            }
            int offset = (cursorAt - start) * columns + column;
            scrollback.rewrap(newColumns);
            Reflow.rewrap(current.subList(0, start), newColumns, out);
            cursorRow = out.size() + offset / newColumns;
            cursorColumn = offset % newColumns;
            Reflow.rewrap(current.subList(start, current.size()), newColumns, out);
        }
        while (out.size() <= cursorRow) {
            out.add(new Line(newColumns));
        }
        int surplus = Math.min(Math.max(0, out.size() - newRows), cursorRow);
        for (int i = 0; i < surplus; i++) {
            scrollback.push(out.get(i).trimmed());
        }
        List<Line> visible = new ArrayList<>(out.subList(surplus, Math.min(out.size(), surplus + newRows)));
        row = cursorRow - surplus;
        column = cursorColumn;
        while (visible.size() < newRows && scrollback.size() > 0) {
            visible.add(0, scrollback.pop());
            row++;
        }
        lines = crop(visible.toArray(Line[]::new), newColumns, newRows);
    }

    /** Takes back the beginning of a line that goes on at the top of the screen, as far as is sensible. */
    private int pullOpenLine(List<Line> current) {
        int pulled = 0;
        while (pulled < MAXIMUM_PULL && scrollback.size() > 0 && scrollback.get(scrollback.size() - 1).wrapped) {
            current.add(0, scrollback.pop());
            pulled++;
        }
        return pulled;
    }

    private static Line[] crop(Line[] lines, int columns, int rows) {
        Line[] out = new Line[rows];
        for (int i = 0; i < rows; i++) {
            if (i >= lines.length) {
                out[i] = new Line(columns);
                continue;
            }
            out[i] = lines[i];
            int old = out[i].cells.length;
            if (old != columns) {
                out[i].cells = Arrays.copyOf(out[i].cells, columns);
                out[i].fill(old, columns, Cell.BLANK);
            }
        }
        return out;
    }

    private static Line[] blankLines(int rows, int columns) {
        Line[] out = new Line[rows];
        for (int i = 0; i < rows; i++) {
            out[i] = new Line(columns);
        }
        return out;
    }

    private void defaultTabStops() {
        tabStops = new boolean[columns];
        for (int i = 0; i < columns; i += 8) {
            tabStops[i] = true;
        }
    }
}
