package org.veridianos.ide.ui.terminal;

/** A range of text in absolute lines, so that it stays with its text while the terminal scrolls. */
final class TerminalSelection {
    private static final String WORD_CHARACTERS = "_-./:~@%+#";

    private long anchorLine;
    private int anchorColumn;
    private long endLine;
    private int endColumn;
    private boolean dragging;

    void start(long line, int column, boolean extend) {
        if (!extend) {
            anchorLine = line;
            anchorColumn = column;
        }
        endLine = line;
        endColumn = column;
        dragging = true;
    }

    void extend(long line, int column) {
        endLine = line;
        endColumn = column;
    }

    void end() {
        dragging = false;
    }

    boolean isDragging() {
        return dragging;
    }

    void clear() {
        endLine = anchorLine;
        endColumn = anchorColumn;
    }

    void all(Terminal.View view) {
        anchorLine = view.firstLine();
        anchorColumn = 0;
        endLine = view.lineCount() - 1;
        endColumn = view.columns();
    }

    void word(long line, int column, String text) {
        int from = Math.min(column, text.length());
        int to = from;
        while (from > 0 && isWord(text.charAt(from - 1))) {
            from--;
        }
        while (to < text.length() && isWord(text.charAt(to))) {
            to++;
        }
        anchorLine = line;
        endLine = line;
        anchorColumn = from;
        endColumn = to;
        dragging = false;
    }

    private static boolean isWord(char c) {
        return Character.isLetterOrDigit(c) || WORD_CHARACTERS.indexOf(c) >= 0;
    }

    private boolean forward() {
        return anchorLine < endLine || anchorLine == endLine && anchorColumn <= endColumn;
    }

    boolean isEmpty() {
        return anchorLine == endLine && anchorColumn == endColumn;
    }

    /** @return first selected column of a line, or -1 when nothing of the line is selected */
    int from(long line) {
        long first = forward() ? anchorLine : endLine;
        long last = forward() ? endLine : anchorLine;
        if (isEmpty() || line < first || line > last) {
            return -1;
        }
        return line == first ? forward() ? anchorColumn : endColumn : 0;
    }

    /** @return column after the last selected one of a line of which something is selected */
    int to(long line) {
        long last = forward() ? endLine : anchorLine;
        return line == last ? forward() ? endColumn : anchorColumn : Integer.MAX_VALUE;
    }

    String text(Terminal terminal) {
        if (isEmpty()) {
            return "";
        }
        return forward() ? terminal.text(anchorLine, anchorColumn, endLine, endColumn)
                : terminal.text(endLine, endColumn, anchorLine, anchorColumn);
    }
}
