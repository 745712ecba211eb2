package org.veridianos.views.ui.model;

import java.util.function.Function;

/**
 * A column of a table.
 *
 * @param title what stands above it; also its name in exports
 * @param width pixels at first
 * @param kind  how its values look and are compared
 * @param text  what is shown
 * @param value what is compared and exported: a {@link String}, {@link Long} or {@link Double}
 */
public record Column<R>(String title, int width, Kind kind, Function<R, String> text, Function<R, Object> value) {

    /** How values look. */
    public enum Kind {
        /** Words, left. */
        TEXT,
        /** Letters that stand in columns: monospace, left. */
        LETTERS,
        /** Counts, right. */
        NUMBER,
        /** Addresses and tokens: monospace, right; exported as {@code 0x…}. */
        HEX
    }

    /** Words. */
    public static <R> Column<R> text(String title, int width, Function<R, String> text) {
        return new Column<>(title, width, Kind.TEXT, text, text::apply);
    }

    /** Letters that stand in columns. */
    public static <R> Column<R> letters(String title, int width, Function<R, String> text) {
        return new Column<>(title, width, Kind.LETTERS, text, text::apply);
    }

    /** Counts. */
    public static <R> Column<R> number(String title, int width, Function<R, Long> value) {
        return new Column<>(title, width, Kind.NUMBER, r -> Numbers.count(value.apply(r)), value::apply);
    }

    /** A number that is shown in words, such as a time or a size. */
    public static <R> Column<R> measure(String title, int width, Function<R, Long> value, Function<R, String> text) {
        return new Column<>(title, width, Kind.NUMBER, text, value::apply);
    }

    /** Addresses and tokens. */
    public static <R> Column<R> hex(String title, int width, Function<R, Long> value) {
        return new Column<>(title, width, Kind.HEX, r -> Numbers.hex(value.apply(r)), value::apply);
    }

    /** The value as it is copied: plain numbers. */
    public String plain(R row) {
        Object raw = value.apply(row);
        return kind == Kind.HEX && raw instanceof Long number ? Numbers.plainHex(number) : String.valueOf(raw);
    }

    /** Compares two rows by this column. */
    public int compare(R a, R b) {
        Object left = value.apply(a);
        Object right = value.apply(b);
        if (left instanceof Long x && right instanceof Long y) {
            return kind == Kind.HEX ? Long.compareUnsigned(x, y) : Long.compare(x, y);
        }
        if (left instanceof Double x && right instanceof Double y) {
            return Double.compare(x, y);
        }
        return String.valueOf(left).compareToIgnoreCase(String.valueOf(right));
    }
}
