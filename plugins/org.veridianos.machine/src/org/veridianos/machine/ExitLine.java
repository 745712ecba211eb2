package org.veridianos.machine;

import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/** Watches console output for the kernel's last line, {@code veridian-exit: N}, whatever pieces it arrives in. */
public final class ExitLine {

    private static final String MARK = "veridian-exit: ";
    private static final int LONGEST = MARK.length() + 8;

    private final byte[] line = new byte[LONGEST];
    private int length;
    private int status = -1;

    /** Takes the next bytes. */
    public void accept(byte[] bytes, int offset, int count) {
        for (int i = offset; i < offset + count; i++) {
            if (bytes[i] == '\n') {
                endOfLine();
                length = 0;
            } else if (length < LONGEST) {
                line[length++] = bytes[i];
            }
        }
    }

    private void endOfLine() {
        String text = new String(line, 0, length, StandardCharsets.ISO_8859_1).stripTrailing();
        if (text.startsWith(MARK)) {
            try {
                int value = Integer.parseInt(text.substring(MARK.length()));
                status = value >= 0 && value <= 255 ? value : status;
            } catch (NumberFormatException noNumber) {
                // A user program may print anything.
            }
        }
    }

    /** The guest's exit status, once it was printed. The last line counts. */
    public OptionalInt status() {
        return status < 0 ? OptionalInt.empty() : OptionalInt.of(status);
    }
}
