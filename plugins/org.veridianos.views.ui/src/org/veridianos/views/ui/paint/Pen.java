package org.veridianos.views.ui.paint;

import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.graphics.RGB;
import org.eclipse.swt.graphics.Rectangle;

/** Draws on a screen, into a picture or into a file; coordinates are pixels at normal size. */
public interface Pen {

    /** Which letters. */
    enum Face {
        /** Labels. */
        NORMAL,
        /** Headings. */
        BOLD,
        /** Addresses and tokens. */
        MONO
    }

    /** How a line is broken. */
    enum Dash {
        /** Not at all. */
        SOLID,
        /** Short strokes. */
        DASHED,
        /** Dots. */
        DOTTED
    }

    /** The colours in use. */
    Theme theme();

    /** A filled rectangle without a border. */
    void fill(RGB colour, int x, int y, int width, int height);

    /** A border of one pixel just inside the rectangle. */
    void box(RGB colour, int x, int y, int width, int height);

    /** A line of a width. */
    void line(RGB colour, Dash dash, int width, int x1, int y1, int x2, int y2);

    /** Lines through points given as x, y, x, y… */
    void path(RGB colour, int width, int[] points);

    /** Text with its upper left corner at a point. */
    void text(RGB colour, Face face, String text, int x, int y);

    /** How large a text is. */
    Point extent(Face face, String text);

    /** Diagonal lines across a rectangle: kernel pages and findings. */
    default void hatch(RGB colour, int x, int y, int width, int height, int distance) {
        for (int from = distance / 2; from < width + height; from += distance) {
            int x1 = Math.min(from, width - 1);
            int y1 = from - x1;
            int y2 = Math.min(from, height - 1);
            int x2 = from - y2;
            if (y1 < height && x2 < width) {
                line(colour, Dash.SOLID, 1, x + x1, y + y1, x + x2, y + y2);
            }
        }
    }

    /** The beginning of a text that fits into a width, with an ellipsis when something is left out. */
    default String fitted(Face face, String text, int width) {
        if (extent(face, text).x <= width) {
            return text;
        }
        int low = 0;
        int high = text.length();
        while (low < high) {
            int middle = (low + high + 1) / 2;
            if (extent(face, text.substring(0, middle) + "\u2026").x <= width) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low == 0 ? "" : text.substring(0, low) + "\u2026";
    }

    /** The frame around the cell that has the focus. */
    default void focus(Rectangle cell) {
        box(theme().background(), cell.x - 1, cell.y - 1, cell.width + 2, cell.height + 2);
        box(theme().foreground(), cell.x - 2, cell.y - 2, cell.width + 4, cell.height + 4);
    }
}
