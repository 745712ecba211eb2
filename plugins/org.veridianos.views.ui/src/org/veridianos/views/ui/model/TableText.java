package org.veridianos.views.ui.model;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.List;

/** A table as text for other programs: numbers plain, addresses as {@code 0x…}. */
public final class TableText {

    private TableText() {
    }

    /** RFC 4180, with a line of titles. */
    public static <R> String csv(List<Column<R>> columns, List<R> rows) {
        return lines(columns, rows, ",", "\r\n");
    }

    /** With tabs, for pasting into a spreadsheet or a message. */
    public static <R> String tabbed(List<Column<R>> columns, List<R> rows) {
        return lines(columns, rows, "\t", "\n");
    }

    private static <R> String lines(List<Column<R>> columns, List<R> rows, String separator, String end) {
        StringBuilder text = new StringBuilder(String.join(separator, columns.stream().map(c -> quoted(c.title(), separator)).toList())).append(end);
        for (R row : rows) {
            text.append(String.join(separator, columns.stream().map(c -> quoted(c.plain(row), separator)).toList())).append(end);
        }
        return text.toString();
    }

    private static String quoted(String value, String separator) {
        return value.contains(separator) || value.contains("\"") || value.contains("\n") || value.contains("\r") ? '"' + value.replace("\"", "\"\"") + '"' : value;
    }

    /** One object for each row, with the columns' titles as names. */
    public static <R> String json(List<Column<R>> columns, List<R> rows) {
        JsonArray array = new JsonArray();
        for (R row : rows) {
            JsonObject object = new JsonObject();
            for (Column<R> column : columns) {
                if (column.kind() == Column.Kind.NUMBER && column.value().apply(row) instanceof Number number) {
                    object.addProperty(column.title(), number);
                } else {
                    object.addProperty(column.title(), column.plain(row));
                }
            }
            array.add(object);
        }
        return new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(array);
    }
}
