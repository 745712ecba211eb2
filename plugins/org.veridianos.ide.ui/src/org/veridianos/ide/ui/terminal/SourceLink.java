package org.veridianos.ide.ui.terminal;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A place in the sources that the guest has printed, as panics do: {@code src/mm/heap.rs:12:5}.
 *
 * @param path file name as printed
 * @param line line in the file, from 1
 * @param column column in the file, from 1; 1 when none was printed
 * @param terminalLine absolute line of the terminal that shows it
 * @param from first column of the terminal
 * @param to column after the last
 */
public record SourceLink(String path, int line, int column, long terminalLine, int from, int to) {
    private static final Pattern PLACE = Pattern.compile("([\\w./+-]+\\.(?:rs|S|s|ld|toml)):(\\d{1,6})(?::(\\d{1,5}))?");

    static SourceLink at(String text, long terminalLine, int column) {
        Matcher matcher = PLACE.matcher(text);
        while (matcher.find()) {
            if (column >= matcher.start() && column < matcher.end()) {
                int sourceColumn = matcher.group(3) == null ? 1 : Integer.parseInt(matcher.group(3));
                return new SourceLink(matcher.group(1), Integer.parseInt(matcher.group(2)), sourceColumn, terminalLine,
                        matcher.start(), matcher.end());
            }
        }
        return null;
    }
}
