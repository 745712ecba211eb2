package org.veridianos.views.ui.paint;

import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.Color;
import org.eclipse.swt.graphics.Font;
import org.eclipse.swt.graphics.GC;
import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.graphics.RGB;

/** Draws with an SWT graphics context. UI thread. */
public final class GcPen implements Pen {

    private final GC gc;
    private final Theme theme;

    /** Draws on {@code gc}, which the caller disposes. */
    public GcPen(GC gc, Theme theme) {
        this.gc = gc;
        this.theme = theme;
    }

    @Override
    public Theme theme() {
        return theme;
    }

    @Override
    public void fill(RGB colour, int x, int y, int width, int height) {
        gc.setBackground(new Color(colour));
        gc.fillRectangle(x, y, width, height);
    }

    @Override
    public void box(RGB colour, int x, int y, int width, int height) {
        gc.setForeground(new Color(colour));
        gc.setLineStyle(SWT.LINE_SOLID);
        gc.setLineWidth(1);
        gc.drawRectangle(x, y, width - 1, height - 1);
    }

    @Override
    public void line(RGB colour, Dash dash, int width, int x1, int y1, int x2, int y2) {
        gc.setForeground(new Color(colour));
        gc.setLineStyle(switch (dash) {
            case SOLID -> SWT.LINE_SOLID;
            case DASHED -> SWT.LINE_DASH;
            case DOTTED -> SWT.LINE_DOT;
        });
        gc.setLineWidth(width);
        gc.drawLine(x1, y1, x2, y2);
    }

    @Override
    public void path(RGB colour, int width, int[] points) {
        gc.setForeground(new Color(colour));
        gc.setLineStyle(SWT.LINE_SOLID);
        gc.setLineWidth(width);
        gc.drawPolyline(points);
    }

    @Override
    public void text(RGB colour, Face face, String text, int x, int y) {
        gc.setForeground(new Color(colour));
        gc.setFont(font(face));
        gc.drawText(text, x, y, SWT.DRAW_TRANSPARENT);
    }

    @Override
    public Point extent(Face face, String text) {
        gc.setFont(font(face));
        return gc.textExtent(text, 0);
    }

    private Font font(Face face) {
        return switch (face) {
            case NORMAL -> theme.normal();
            case BOLD -> theme.bold();
            case MONO -> theme.mono();
        };
    }
}
