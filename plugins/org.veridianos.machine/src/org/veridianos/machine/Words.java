package org.veridianos.machine;

import java.util.ArrayList;
import java.util.List;

/** Splits a line into words as a shell does: blanks separate, single and double quotes and the backslash protect. */
public final class Words {

    private Words() {
    }

    /**
     * The words of {@code line}.
     *
     * @throws IllegalArgumentException when a quote is left open
     */
    public static List<String> split(String line) {
        List<String> words = new ArrayList<>();
        StringBuilder word = null;
        char quote = 0;
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            if (quote != 0 && c == quote) {
                quote = 0;
            } else if (quote == 0 && (c == '\'' || c == '"')) {
                quote = c;
                word = word == null ? new StringBuilder() : word;
            } else if (quote == 0 && Character.isWhitespace(c)) {
                if (word != null) {
                    words.add(word.toString());
                    word = null;
                }
            } else {
                word = word == null ? new StringBuilder() : word;
                boolean escape = c == '\\' && quote != '\'' && i + 1 < line.length();
                word.append(escape ? line.charAt(++i) : c);
            }
        }
        if (quote != 0) {
            throw new IllegalArgumentException("a quote is left open in: " + line);
        }
        if (word != null) {
            words.add(word.toString());
        }
        return words;
    }
}
