package org.veridianos.views.ui.paint;

import java.util.Locale;
import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.graphics.RGB;

/** Writes what is drawn as SVG 1.1. Texts are measured with another pen, so the layout is the screen's. */
public final class SvgPen implements Pen {

    private final Pen measure;
    private final StringBuilder out = new StringBuilder();

    /** @param measure knows how large texts are */
    public SvgPen(Pen measure, int width, int height) {
        this.measure = measure;
        out.append(String.format(Locale.ROOT, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">%n", width, height, width, height));
        fill(theme().background(), 0, 0, width, height);
    }

    /** The whole file. */
    public String finish() {
        return out.append("</svg>\n").toString();
    }

    @Override
    public Theme theme() {
        return measure.theme();
    }

    @Override
    public void fill(RGB colour, int x, int y, int width, int height) {
        element("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>", x, y, Math.max(0, width), Math.max(0, height), web(colour));
    }

    @Override
    public void box(RGB colour, int x, int y, int width, int height) {
        element("<rect x=\"%d.5\" y=\"%d.5\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"%s\"/>", x, y, Math.max(0, width - 1), Math.max(0, height - 1), web(colour));
    }

    @Override
    public void line(RGB colour, Dash dash, int width, int x1, int y1, int x2, int y2) {
        String broken = switch (dash) {
            case SOLID -> "";
            case DASHED -> " stroke-dasharray=\"6 3\"";
            case DOTTED -> " stroke-dasharray=\"1 3\"";
        };
        element("<path d=\"M%d.5 %d.5L%d.5 %d.5\" stroke=\"%s\" stroke-width=\"%d\"%s/>", x1, y1, x2, y2, web(colour), width, broken);
    }

    @Override
    public void path(RGB colour, int width, int[] points) {
        StringBuilder list = new StringBuilder();
        for (int i = 0; i + 1 < points.length; i += 2) {
            list.append(points[i]).append(".5,").append(points[i + 1]).append(".5 ");
        }
        element("<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%d\"/>", list.toString().strip(), web(colour), width);
    }

    @Override
    public void text(RGB colour, Face face, String text, int x, int y) {
        int height = extent(face, "X").y;
        String family = face == Face.MONO ? "monospace" : "sans-serif";
        String weight = face == Face.BOLD ? " font-weight=\"bold\"" : "";
        element("<text x=\"%d\" y=\"%d\" font-family=\"%s\" font-size=\"%d\"%s fill=\"%s\" xml:space=\"preserve\">%s</text>", x, y + Math.round(height * 0.78f), family,
                Math.round(height * 0.72f), weight, web(colour), escaped(text));
    }

    @Override
    public Point extent(Face face, String text) {
        return measure.extent(face, text);
    }

    private void element(String format, Object... values) {
        out.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    private static String web(RGB colour) {
        return String.format(Locale.ROOT, "#%02x%02x%02x", colour.red, colour.green, colour.blue);
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replaceAll("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]", "\ufffd");
    }
}
