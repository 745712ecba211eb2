package org.veridianos.ide.ui.terminal;

/**
 * One character cell, packed into a {@code long} so that a line is a plain array and the
 * scrollback stays small: code point (21 bits), foreground and background (9 bits each, 0 means
 * the terminal's default, n + 1 means palette entry n), attribute bits above them.
 */
public final class Cell {
    private static final int FOREGROUND_SHIFT = 21;
    private static final int BACKGROUND_SHIFT = 30;
    private static final long CODE_POINT_MASK = (1L << FOREGROUND_SHIFT) - 1;
    private static final long COLOUR_MASK = 0x1ff;

    /** Attribute bits. */
    public static final long BOLD = 1L << 39;
    public static final long DIM = 1L << 40;
    public static final long ITALIC = 1L << 41;
    public static final long UNDERLINE = 1L << 42;
    public static final long INVERSE = 1L << 43;
    public static final long HIDDEN = 1L << 44;
    public static final long STRIKE = 1L << 45;
    /** First half of a character that is two cells wide. */
    public static final long WIDE = 1L << 46;
    /** Second half of such a character; carries no character itself. */
    public static final long WIDE_TAIL = 1L << 47;

    /** A cell that shows nothing, in the default colours. */
    public static final long BLANK = ' ';
    /** Everything but the character: what the next printed character inherits. */
    public static final long STYLE_MASK = ~(CODE_POINT_MASK | WIDE | WIDE_TAIL);

    private Cell() {
    }

    /** @return the cell's character as a code point */
    public static int codePoint(long cell) {
        return (int) (cell & CODE_POINT_MASK);
    }

    /** @return palette index 0 to 255, or -1 for the default foreground */
    public static int foreground(long cell) {
        return (int) (cell >>> FOREGROUND_SHIFT & COLOUR_MASK) - 1;
    }

    /** @return palette index 0 to 255, or -1 for the default background */
    public static int background(long cell) {
        return (int) (cell >>> BACKGROUND_SHIFT & COLOUR_MASK) - 1;
    }

    static long withForeground(long style, int index) {
        return style & ~(COLOUR_MASK << FOREGROUND_SHIFT) | (long) (index + 1) << FOREGROUND_SHIFT;
    }

    static long withBackground(long style, int index) {
        return style & ~(COLOUR_MASK << BACKGROUND_SHIFT) | (long) (index + 1) << BACKGROUND_SHIFT;
    }

    /** An erased cell keeps the background that is in force, nothing else. */
    static long erased(long style) {
        return BLANK | style & COLOUR_MASK << BACKGROUND_SHIFT;
    }
}
