package org.veridianos.ide.ui.terminal;

import java.nio.charset.StandardCharsets;

/** What a key press is on a serial line: the sequences that xterm sends. */
public final class KeyEncoder {
    private static final byte[] NOTHING = {};

    /** Keys without a character of their own. */
    public enum Key {
        UP("A", 0), DOWN("B", 0), RIGHT("C", 0), LEFT("D", 0), HOME("H", 0), END("F", 0), INSERT(null, 2),
        DELETE(null, 3), PAGE_UP(null, 5), PAGE_DOWN(null, 6), F1("P", 0), F2("Q", 0), F3("R", 0), F4("S", 0),
        F5(null, 15), F6(null, 17), F7(null, 18), F8(null, 19), F9(null, 20), F10(null, 21), F11(null, 23),
        F12(null, 24);

        final String letter;
        final int number;

        Key(String letter, int number) {
            this.letter = letter;
            this.number = number;
        }

        boolean isFunction() {
            return ordinal() >= F1.ordinal();
        }
    }

    private KeyEncoder() {
    }

    /** @return the bytes of a cursor, editing or function key */
    public static byte[] encode(Key key, boolean shift, boolean alt, boolean control, boolean applicationCursorKeys) {
        int modifiers = 1 + (shift ? 1 : 0) + (alt ? 2 : 0) + (control ? 4 : 0);
        String text;
        if (key.letter == null) {
            text = "\033[" + key.number + (modifiers > 1 ? ";" + modifiers : "") + '~';
        } else if (modifiers > 1) {
            text = "\033[1;" + modifiers + key.letter;
        } else if (applicationCursorKeys || key.isFunction()) {
            text = "\033O" + key.letter;
        } else {
            text = "\033[" + key.letter;
        }
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /**
     * @param character what the keyboard layout makes of the key, control characters included; 0 for none
     * @return the bytes of a character key
     */
    public static byte[] encode(char character, boolean shift, boolean alt, boolean control) {
        String text = switch (character) {
        case 0 -> control ? "\0" : "";
        case '\r', '\n' -> control && character == '\n' ? "\n" : "\r";
        case '\b' -> control ? "\b" : "\177";
        case '\t' -> shift ? "\033[Z" : "\t";
        default -> String.valueOf(character);
        };
        if (text.isEmpty()) {
            return NOTHING;
        }
        return ((alt ? "\033" : "") + text).getBytes(StandardCharsets.UTF_8);
    }

    /** @return pasted text as a guest expects it: line ends as Return, framed when it asked for that */
    public static byte[] paste(String text, boolean bracketed) {
        String clean = text.replace("\r\n", "\r").replace('\n', '\r').replace("\033", "");
        return (bracketed ? "\033[200~" + clean + "\033[201~" : clean).getBytes(StandardCharsets.UTF_8);
    }
}
