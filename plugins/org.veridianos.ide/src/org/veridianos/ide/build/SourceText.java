package org.veridianos.ide.build;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;

/**
 * A source file as the compiler counts it, to turn its line and column into the editor's offset. The compiler counts
 * characters (code points), the editor counts Java chars; lines end at a line feed for both.
 */
record SourceText(String text) {

    /** The file's text, empty when it cannot be read: then there are no offsets, but there still is a line. */
    static SourceText read(Path file) {
        try {
            return new SourceText(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
        } catch (IOException gone) {
            return new SourceText("");
        }
    }

    /** The offset of a position; none when the text has changed so much that it lies outside. */
    OptionalInt offset(int line, int column) {
        int start = 0;
        for (int n = 1; n < line; n++) {
            start = text.indexOf('\n', start) + 1;
            if (start == 0) {
                return OptionalInt.empty();
            }
        }
        int end = text.indexOf('\n', start);
        int length = text.codePointCount(start, end < 0 ? text.length() : end);
        if (text.isEmpty() || column < 1 || column - 1 > length) {
            return OptionalInt.empty();
        }
        return OptionalInt.of(text.offsetByCodePoints(start, column - 1));
    }
}
