package org.veridianos.ide.ui.guide;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.jface.resource.JFaceColors;
import org.eclipse.jface.resource.JFaceResources;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.PaintObjectEvent;
import org.eclipse.swt.custom.StyleRange;
import org.eclipse.swt.custom.StyledText;
import org.eclipse.swt.graphics.Color;
import org.eclipse.swt.graphics.Font;
import org.eclipse.swt.graphics.FontData;
import org.eclipse.swt.graphics.GlyphMetrics;
import org.eclipse.swt.graphics.Image;
import org.eclipse.swt.graphics.ImageData;
import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Event;

/** Lays a page out in a text widget: fonts, links, tables in columns, pictures as wide as there is room. */
final class GuideText {

    private static final int MARGIN = 24;
    private static final char OBJECT = '\ufffc';

    private final StyledText widget;
    private final Consumer<String> follow;
    private final StringBuilder text = new StringBuilder();
    private final List<StyleRange> styles = new ArrayList<>();
    private final List<LineStyle> lines = new ArrayList<>();
    private final Map<StyleRange, String> links = new HashMap<>();
    private final Map<Integer, Image> pictures = new HashMap<>();
    private final Font[] headings = new Font[3];
    private final Font strong;
    private GuidePages.Page page;
    private int laidOutWidth;

    private record LineStyle(int offset, int indent, int wrapIndent, Color background) {
    }

    GuideText(Composite parent, Consumer<String> follow) {
        this.follow = follow;
        widget = new StyledText(parent, SWT.V_SCROLL | SWT.WRAP | SWT.READ_ONLY);
        widget.setMargins(MARGIN, 12, MARGIN, 12);
        widget.setLineSpacing(3);
        widget.setCaret(null);
        widget.setData("org.eclipse.e4.ui.css.id", "VeridianGuide");
        FontData[] base = JFaceResources.getDialogFont().getFontData();
        for (int i = 0; i < headings.length; i++) {
            headings[i] = font(base, new double[] {1.9, 1.4, 1.15}[i], SWT.BOLD);
        }
        strong = font(base, 1, SWT.BOLD);
        widget.setFont(JFaceResources.getDialogFont());
        widget.addListener(SWT.MouseUp, this::click);
        widget.addListener(SWT.MouseMove, this::hover);
        widget.addListener(SWT.Resize, e -> resized());
        widget.addPaintObjectListener(this::paintPicture);
        widget.addListener(SWT.Dispose, e -> dispose());
    }

    private Font font(FontData[] base, double factor, int style) {
        FontData[] data = new FontData[base.length];
        for (int i = 0; i < base.length; i++) {
            data[i] = new FontData(base[i].getName(), (int) Math.round(base[i].getHeight() * factor), style);
        }
        return new Font(widget.getDisplay(), data);
    }

    StyledText control() {
        return widget;
    }

    void show(GuidePages.Page newPage) {
        page = newPage;
        layOut();
        widget.setTopPixel(0);
    }

    private void layOut() {
        text.setLength(0);
        styles.clear();
        lines.clear();
        links.clear();
        disposePictures();
        laidOutWidth = widget.getClientArea().width;
        for (Markdown.Block block : page.blocks()) {
            append(block);
        }
        widget.setRedraw(false);
        widget.setText(text.toString());
        widget.setStyleRanges(styles.toArray(StyleRange[]::new));
        for (LineStyle line : lines) {
            int index = widget.getLineAtOffset(line.offset);
            widget.setLineIndent(index, 1, line.indent);
            widget.setLineWrapIndent(index, 1, line.wrapIndent);
            if (line.background != null) {
                widget.setLineBackground(index, 1, line.background);
            }
        }
        widget.setRedraw(true);
    }

    private void append(Markdown.Block block) {
        int start = text.length();
        switch (block.kind()) {
            case HEADING1, HEADING2, HEADING3 -> {
                text.append(block.plain());
                StyleRange range = range(start);
                range.font = headings[block.kind().ordinal()];
                styles.add(range);
                text.append("\n");
            }
            case PARAGRAPH -> {
                append(block.pieces());
                text.append("\n\n");
            }
            case BULLET, NUMBER -> {
                text.append(block.kind() == Markdown.Kind.BULLET ? "\u2022  " : block.label() + ".  ");
                append(block.pieces());
                lines.add(new LineStyle(start, 12, 30, null));
                text.append("\n");
            }
            case CODE -> {
                Color shade = shade();
                for (String line : block.plain().split("\n", -1)) {
                    int at = text.length();
                    lines.add(new LineStyle(at, 12, 12, shade));
                    text.append(line);
                    mono(at);
                    text.append("\n");
                }
                text.append("\n");
            }
            case TABLE -> table(block.rows());
            case PICTURE -> picture(block.pieces().get(0));
        }
    }

    private void append(List<Markdown.Piece> pieces) {
        for (Markdown.Piece piece : pieces) {
            int start = text.length();
            text.append(piece.text());
            switch (piece.look()) {
                case STRONG -> {
                    StyleRange range = range(start);
                    range.font = strong;
                    styles.add(range);
                }
                case EMPHASIS -> {
                    StyleRange range = range(start);
                    range.fontStyle = SWT.ITALIC;
                    styles.add(range);
                }
                case CODE -> mono(start);
                case LINK -> {
                    StyleRange range = range(start);
                    range.underline = true;
                    range.foreground = JFaceColors.getHyperlinkText(widget.getDisplay());
                    styles.add(range);
                    links.put(range, piece.target());
                }
                case PLAIN -> {
                    // as the widget draws it
                }
            }
        }
    }

    private StyleRange range(int start) {
        StyleRange range = new StyleRange();
        range.start = start;
        range.length = text.length() - start;
        return range;
    }

    private void mono(int start) {
        if (text.length() > start) {
            StyleRange range = range(start);
            range.font = JFaceResources.getTextFont();
            styles.add(range);
        }
    }

    /** A colour a little away from the background, whichever theme that is of. */
    private Color shade() {
        Color back = widget.getBackground();
        int step = back.getRed() + back.getGreen() + back.getBlue() > 384 ? -12 : 16;
        return new Color(Math.clamp(back.getRed() + step, 0, 255), Math.clamp(back.getGreen() + step, 0, 255), Math.clamp(back.getBlue() + step, 0, 255));
    }

    /** Each row becomes a line: the first cell strong, the others after a dash, which stays readable at any width. */
    private void table(List<List<List<Markdown.Piece>>> rows) {
        for (int i = 1; i < rows.size(); i++) {
            List<List<Markdown.Piece>> row = rows.get(i);
            int start = text.length();
            row.get(0).forEach(piece -> text.append(piece.text()));
            StyleRange range = range(start);
            range.font = strong;
            styles.add(range);
            for (int cell = 1; cell < row.size(); cell++) {
                text.append(cell == 1 ? " \u2014 " : "; ");
                append(row.get(cell));
            }
            lines.add(new LineStyle(start, 12, 30, null));
            text.append("\n");
        }
        text.append("\n");
    }

    private void picture(Markdown.Piece piece) {
        ImageData data = page.pictures().get(piece.target());
        if (data != null) {
            int room = Math.max(200, laidOutWidth - 2 * MARGIN - 20);
            double scale = Math.min(1, (double) room / data.width);
            Image image = new Image(widget.getDisplay(), data);
            pictures.put(text.length(), image);
            StyleRange range = new StyleRange();
            range.start = text.length();
            range.length = 1;
            range.metrics = new GlyphMetrics((int) (data.height * scale), 0, (int) (data.width * scale));
            styles.add(range);
            text.append(OBJECT).append("\n");
        }
        int start = text.length();
        text.append(piece.text());
        if (!piece.text().isEmpty()) {
            StyleRange caption = range(start);
            caption.fontStyle = SWT.ITALIC;
            styles.add(caption);
        }
        text.append("\n\n");
    }

    private void paintPicture(PaintObjectEvent event) {
        Image image = pictures.get(event.style.start);
        if (image != null) {
            Point size = new Point(image.getBounds().width, image.getBounds().height);
            event.gc.setAntialias(SWT.ON);
            event.gc.setInterpolation(SWT.HIGH);
            event.gc.drawImage(image, 0, 0, size.x, size.y, event.x, event.y + event.ascent - event.style.metrics.ascent, event.style.metrics.width,
                    event.style.metrics.ascent);
        }
    }

    /** Pictures fit the width; a change of a few pixels is not worth laying the page out again. */
    private void resized() {
        if (page != null && !pictures.isEmpty() && Math.abs(widget.getClientArea().width - laidOutWidth) > 16) {
            int top = widget.getTopIndex();
            layOut();
            widget.setTopIndex(top);
        }
    }

    private String linkAt(Event event) {
        int offset = widget.getOffsetAtPoint(new Point(event.x, event.y));
        for (Map.Entry<StyleRange, String> link : links.entrySet()) {
            if (offset >= link.getKey().start && offset < link.getKey().start + link.getKey().length) {
                return link.getValue();
            }
        }
        return null;
    }

    private void click(Event event) {
        String target = linkAt(event);
        if (target != null && event.button == 1 && widget.getSelectionCount() == 0) {
            follow.accept(target);
        }
    }

    private void hover(Event event) {
        widget.setCursor(linkAt(event) == null ? null : widget.getDisplay().getSystemCursor(SWT.CURSOR_HAND));
    }

    private void disposePictures() {
        pictures.values().forEach(Image::dispose);
        pictures.clear();
    }

    private void dispose() {
        disposePictures();
        for (Font font : headings) {
            font.dispose();
        }
        strong.dispose();
    }
}
