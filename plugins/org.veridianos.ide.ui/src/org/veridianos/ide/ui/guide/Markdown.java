package org.veridianos.ide.ui.guide;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the part of Markdown that the guide is written in: headings, paragraphs, lists, code blocks, tables, pictures;
 * inside them strong, emphasis, code and links. What is not understood is shown as it stands.
 */
final class Markdown {

    /** What a block of the page is. */
    enum Kind {
        HEADING1, HEADING2, HEADING3, PARAGRAPH, BULLET, NUMBER, CODE, TABLE, PICTURE
    }

    /** How a piece of text looks. */
    enum Look {
        PLAIN, STRONG, EMPHASIS, CODE, LINK
    }

    /**
     * Text of one look.
     *
     * @param target where a link leads; null elsewhere
     */
    record Piece(String text, Look look, String target) {
    }

    /**
     * One block.
     *
     * @param pieces the text; of a table, the rows of all cells
     * @param rows   cells of a table
     * @param label  number of a list item
     */
    record Block(Kind kind, List<Piece> pieces, List<List<List<Piece>>> rows, String label) {
        static Block of(Kind kind, List<Piece> pieces) {
            return new Block(kind, pieces, List.of(), "");
        }

        String plain() {
            StringBuilder text = new StringBuilder();
            pieces.forEach(p -> text.append(p.text));
            return text.toString();
        }
    }

    private static final Pattern INLINE = Pattern
            .compile("\\*\\*(.+?)\\*\\*|\\*([^*]+?)\\*|`([^`]+)`|\\[([^\\]]+)\\]\\(([^)]+)\\)");
    private static final Pattern PICTURE = Pattern.compile("!\\[([^\\]]*)\\]\\(([^)]+)\\)");
    private static final Pattern NUMBERED = Pattern.compile("(\\d+)\\. (.*)");

    private final List<Block> blocks = new ArrayList<>();
    private final StringBuilder paragraph = new StringBuilder();
    private Kind open = Kind.PARAGRAPH;
    private String label = "";

    private Markdown() {
    }

    static List<Block> parse(String source) {
        Markdown reader = new Markdown();
        List<String> lines = source.lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            if (line.startsWith("```")) {
                reader.flush();
                StringBuilder code = new StringBuilder();
                for (i++; i < lines.size() && !lines.get(i).startsWith("```"); i++) {
                    code.append(lines.get(i)).append('\n');
                }
                reader.blocks.add(Block.of(Kind.CODE, List.of(new Piece(code.toString().stripTrailing(), Look.CODE, null))));
            } else if (line.startsWith("|")) {
                reader.flush();
                int first = i;
                while (i + 1 < lines.size() && lines.get(i + 1).startsWith("|")) {
                    i++;
                }
                reader.table(lines.subList(first, i + 1));
            } else {
                reader.line(line);
            }
        }
        reader.flush();
        return reader.blocks;
    }

    private void line(String line) {
        Matcher picture = PICTURE.matcher(line.strip());
        Matcher numbered = NUMBERED.matcher(line);
        if (line.isBlank()) {
            flush();
        } else if (line.startsWith("#")) {
            flush();
            int level = Math.min(3, line.length() - line.replaceFirst("^#+", "").length());
            blocks.add(Block.of(Kind.values()[level - 1], inline(line.replaceFirst("^#+ *", ""))));
        } else if (picture.matches()) {
            flush();
            blocks.add(Block.of(Kind.PICTURE, List.of(new Piece(picture.group(1), Look.PLAIN, picture.group(2)))));
        } else if (line.startsWith("* ") || line.startsWith("- ")) {
            flush();
            open = Kind.BULLET;
            paragraph.append(line.substring(2));
        } else if (numbered.matches()) {
            flush();
            open = Kind.NUMBER;
            label = numbered.group(1);
            paragraph.append(numbered.group(2));
        } else {
            paragraph.append(paragraph.isEmpty() ? "" : " ").append(line.strip());
        }
    }

    private void flush() {
        if (!paragraph.isEmpty()) {
            blocks.add(new Block(open, inline(paragraph.toString()), List.of(), label));
            paragraph.setLength(0);
        }
        open = Kind.PARAGRAPH;
        label = "";
    }

    private void table(List<String> lines) {
        List<List<List<Piece>>> rows = new ArrayList<>();
        for (String line : lines) {
            if (line.matches("\\|[-:| ]+\\|?")) {
                continue;
            }
            List<List<Piece>> cells = new ArrayList<>();
            for (String cell : line.replaceAll("^\\||\\|\\s*$", "").split("\\|")) {
                cells.add(inline(cell.strip()));
            }
            rows.add(cells);
        }
        blocks.add(new Block(Kind.TABLE, List.of(), rows, ""));
    }

    private static List<Piece> inline(String text) {
        List<Piece> pieces = new ArrayList<>();
        Matcher matcher = INLINE.matcher(text);
        int at = 0;
        while (matcher.find()) {
            if (matcher.start() > at) {
                pieces.add(new Piece(text.substring(at, matcher.start()), Look.PLAIN, null));
            }
            if (matcher.group(1) != null) {
                pieces.add(new Piece(matcher.group(1), Look.STRONG, null));
            } else if (matcher.group(2) != null) {
                pieces.add(new Piece(matcher.group(2), Look.EMPHASIS, null));
            } else if (matcher.group(3) != null) {
                pieces.add(new Piece(matcher.group(3), Look.CODE, null));
            } else {
                pieces.add(new Piece(matcher.group(4), Look.LINK, matcher.group(5)));
            }
            at = matcher.end();
        }
        if (at < text.length()) {
            pieces.add(new Piece(text.substring(at), Look.PLAIN, null));
        }
        return pieces;
    }
}
