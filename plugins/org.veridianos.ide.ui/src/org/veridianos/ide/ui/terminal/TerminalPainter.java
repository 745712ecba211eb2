package org.veridianos.ide.ui.terminal;

import java.util.Arrays;

import org.eclipse.jface.resource.JFaceResources;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.Color;
import org.eclipse.swt.graphics.Font;
import org.eclipse.swt.graphics.FontData;
import org.eclipse.swt.graphics.GC;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Canvas;

/**
 * Draws the rows of a {@link Terminal.View} in runs of one style. Characters of a run are drawn
 * together as far as the font's real advance keeps them on the grid, others one by one.
 */
final class TerminalPainter {
    private static final int SAMPLE = 64;

    private final TerminalCanvas canvas;
    private final Color[] palette = new Color[512];
    private Font font;
    private Font boldFont;
    private int cellWidth = 8;
    private int cellHeight = 16;
    private int chunk = 1;
    private Color background;
    private Color foreground;
    private Color selectionColour;
    private boolean dark;

    TerminalPainter(TerminalCanvas canvas) {
        this.canvas = canvas;
        canvas.addListener(SWT.Dispose, e -> disposeBold());
    }

    int cellWidth() {
        return cellWidth;
    }

    int cellHeight() {
        return cellHeight;
    }

    void updateTheme() {
        font = JFaceResources.getFont(TerminalCanvas.FONT);
        disposeBold();
        FontData[] data = font.getFontData();
        for (FontData d : data) {
            d.setStyle(d.getStyle() | SWT.BOLD);
        }
        boldFont = new Font(canvas.getDisplay(), data);
        background = canvas.themeColour(TerminalCanvas.BACKGROUND, SWT.COLOR_LIST_BACKGROUND);
        foreground = canvas.themeColour(TerminalCanvas.FOREGROUND, SWT.COLOR_LIST_FOREGROUND);
        selectionColour = canvas.themeColour(TerminalCanvas.SELECTION, SWT.COLOR_LIST_SELECTION);
        dark = background.getRed() * 3 + background.getGreen() * 6 + background.getBlue() < 1280;
        Arrays.fill(palette, null);
        measure(canvas);
    }

    private void measure(Canvas control) {
        GC gc = new GC(control);
        gc.setFont(font);
        int sample = gc.stringExtent("M".repeat(SAMPLE)).x;
        cellHeight = Math.max(1, gc.getFontMetrics().getHeight());
        gc.dispose();
        cellWidth = Math.max(1, Math.round((float) sample / SAMPLE));
        double error = Math.abs((double) sample / SAMPLE - cellWidth);
        chunk = error < 0.005 ? Integer.MAX_VALUE : Math.max(1, (int) (0.6 / error));
    }

    private void disposeBold() {
        if (boldFont != null) {
            boldFont.dispose();
            boldFont = null;
        }
    }

    private Color colour(int index, boolean asBackground) {
        int slot = asBackground ? index + 256 : index;
        if (palette[slot] == null) {
            int rgb = asBackground ? Palette.background(index) : Palette.foreground(index, dark);
            palette[slot] = new Color(rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255);
        }
        return palette[slot];
    }

    void paint(GC gc, Rectangle area, int margin, Terminal.View view, TerminalSelection selection, SourceLink link,
            boolean focused) {
        gc.setBackground(background);
        gc.fillRectangle(area);
        gc.setFont(font);
        for (int i = 0; i < view.rows().length; i++) {
            paintRow(gc, margin, margin + i * cellHeight, view.rows()[i], view.top() + i, selection);
        }
        if (link != null) {
            int y = margin + (int) (link.terminalLine() - view.top() + 1) * cellHeight - 1;
            gc.setForeground(foreground);
            gc.drawLine(margin + link.from() * cellWidth, y, margin + link.to() * cellWidth, y);
        }
        paintCursor(gc, margin, view, focused);
    }

    private void paintRow(GC gc, int x0, int y, long[] cells, long line, TerminalSelection selection) {
        int selectFrom = selection.from(line);
        int selectTo = selectFrom < 0 ? -1 : selection.to(line);
        int length = cells.length;
        int at = 0;
        while (at < length) {
            boolean selected = at >= selectFrom && at < selectTo && selectFrom >= 0;
            long style = cells[at] & Cell.STYLE_MASK;
            int end = at + 1;
            while (end < length && (cells[end] & Cell.STYLE_MASK) == style
                    && selected == (selectFrom >= 0 && end >= selectFrom && end < selectTo)) {
                end++;
            }
            paintRun(gc, x0, y, cells, at, end, style, selected);
            at = end;
        }
    }

    private void paintRun(GC gc, int x0, int y, long[] cells, int from, int to, long style, boolean selected) {
        Color back = Cell.background(style) < 0 ? background : colour(Cell.background(style), true);
        Color fore = Cell.foreground(style) < 0 ? foreground : colour(Cell.foreground(style), false);
        if (Cell.background(style) >= 0 && Cell.foreground(style) < 0) {
            fore = readableOn(back);
        }
        if ((style & Cell.INVERSE) != 0) {
            Color swap = back;
            back = fore;
            fore = swap;
        }
        if (selected) {
            back = selectionColour;
            fore = Cell.foreground(style) < 0 || (style & Cell.INVERSE) != 0 ? foreground : fore;
        }
        if (back != background) {
            gc.setBackground(back);
            gc.fillRectangle(x0 + from * cellWidth, y, (to - from) * cellWidth, cellHeight);
        }
        if ((style & Cell.HIDDEN) != 0) {
            return;
        }
        gc.setForeground((style & Cell.DIM) != 0 ? mix(fore, back) : fore);
        boolean bold = (style & Cell.BOLD) != 0;
        if (bold) {
            gc.setFont(boldFont);
        }
        drawText(gc, x0, y, cells, from, to);
        if (bold) {
            gc.setFont(font);
        }
        if ((style & Cell.UNDERLINE) != 0) {
            gc.drawLine(x0 + from * cellWidth, y + cellHeight - 1, x0 + to * cellWidth - 1, y + cellHeight - 1);
        }
        if ((style & Cell.STRIKE) != 0) {
            gc.drawLine(x0 + from * cellWidth, y + cellHeight / 2, x0 + to * cellWidth - 1, y + cellHeight / 2);
        }
    }

    private void drawText(GC gc, int x0, int y, long[] cells, int from, int to) {
        StringBuilder text = new StringBuilder();
        int start = from;
        boolean blank = true;
        for (int i = from; i <= to; i++) {
            int c = i < to ? Cell.codePoint(cells[i]) : -1;
            boolean plain = c >= ' ' && c < 0x7f && (cells[i] & Cell.WIDE_TAIL) == 0;
            if (!plain || text.length() >= chunk) {
                if (!blank) {
                    gc.drawString(text.toString(), x0 + start * cellWidth, y, true);
                }
                text.setLength(0);
                blank = true;
                start = i;
            }
            if (plain) {
                text.append((char) c);
                blank &= c == ' ';
            } else if (i < to) {
                if ((cells[i] & Cell.WIDE_TAIL) == 0) {
                    gc.drawString(Character.toString(c), x0 + i * cellWidth, y, true);
                }
                start = i + 1;
            }
        }
    }

    private void paintCursor(GC gc, int margin, Terminal.View view, boolean focused) {
        long row = view.cursorLine() - view.top();
        if (!view.cursorVisible() || row < 0 || row >= view.rows().length) {
            return;
        }
        int x = margin + view.cursorColumn() * cellWidth;
        int y = margin + (int) row * cellHeight;
        if (!focused) {
            gc.setForeground(foreground);
            gc.drawRectangle(x, y, cellWidth - 1, cellHeight - 1);
            return;
        }
        gc.setBackground(foreground);
        gc.fillRectangle(x, y, cellWidth, cellHeight);
        long[] cells = view.rows()[(int) row];
        int column = view.cursorColumn();
        if (column < cells.length && Cell.codePoint(cells[column]) > ' ') {
            gc.setForeground(background);
            gc.drawString(Character.toString(Cell.codePoint(cells[column])), x, y, true);
        }
    }

    private static Color readableOn(Color back) {
        boolean light = back.getRed() * 3 + back.getGreen() * 6 + back.getBlue() > 1280;
        return light ? new Color(0, 0, 0) : new Color(255, 255, 255);
    }

    private static Color mix(Color a, Color b) {
        return new Color((a.getRed() * 2 + b.getRed()) / 3, (a.getGreen() * 2 + b.getGreen()) / 3,
                (a.getBlue() * 2 + b.getBlue()) / 3);
    }
}
