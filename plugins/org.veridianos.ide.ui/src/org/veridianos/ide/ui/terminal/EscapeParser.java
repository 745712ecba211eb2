package org.veridianos.ide.ui.terminal;

import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * Turns the guest's bytes into operations on a {@link Screen}: UTF-8 and the control sequences of
 * VT100/VT220 and xterm that shells and full-screen programs use. The states follow the usual DEC
 * parser; whatever is not understood is consumed to its end and ignored, and no input can make the
 * parser collect more than a bounded amount.
 */
final class EscapeParser {
    private static final int MAXIMUM_PARAMETERS = 32;
    private static final int MAXIMUM_NUMBER = 9999;
    private static final int MAXIMUM_TITLE = 256;
    private static final int REPLACEMENT = 0xfffd;
    /** The DEC special graphics set for the characters from 0x60 to 0x7e. */
    private static final String LINE_DRAWING = "\u25c6\u2592\u2409\u240c\u240d\u240a\u00b0\u00b1\u2424\u240b\u2518\u2510\u250c\u2514\u253c\u23ba\u23bb\u2500\u23bc\u23bd\u251c\u2524\u2534\u252c\u2502\u2264\u2265\u03c0\u2260\u00a3\u00b7";

    private enum State {
        GROUND, ESCAPE, ESCAPE_INTERMEDIATE, CSI, CSI_IGNORE, OSC, STRING
    }

    private final Screen screen;
    private final Consumer<byte[]> reply;
    private final Consumer<String> title;
    private final Runnable bell;
    private State state = State.GROUND;
    private final int[] parameters = new int[MAXIMUM_PARAMETERS];
    private int parameterCount;
    private char prefix;
    private char intermediate;
    private final StringBuilder string = new StringBuilder();
    private int utf8Missing;
    private int utf8Value;
    private int utf8Minimum;
    private int lastPrinted = ' ';

    EscapeParser(Screen screen, Consumer<byte[]> reply, Consumer<String> title, Runnable bell) {
        this.screen = screen;
        this.reply = reply;
        this.title = title;
        this.bell = bell;
    }

    void feed(byte[] data, int offset, int length) {
        int end = offset + length;
        int at = offset;
        while (at < end) {
            if (state == State.GROUND && utf8Missing == 0 && !screen.insertMode
                    && !screen.lineDrawing[screen.shiftOut ? 1 : 0]) {
                int run = at;
                while (run < end && data[run] >= 0x20 && data[run] < 0x7f) {
                    run++;
                }
                if (run > at) {
                    screen.printAscii(data, at, run);
                    lastPrinted = data[run - 1];
                    at = run;
                    continue;
                }
            }
            accept(data[at] & 0xff);
            at++;
        }
    }

    private void accept(int b) {
        if (b == 0x1b) {
            utf8Missing = 0;
            if (state == State.OSC) {
                endOfString();
            }
            state = State.ESCAPE;
            intermediate = 0;
            return;
        }
        if (b == 0x18 || b == 0x1a) {
            utf8Missing = 0;
            state = State.GROUND;
            return;
        }
        switch (state) {
        case GROUND -> ground(b);
        case ESCAPE -> escape(b);
        case ESCAPE_INTERMEDIATE -> {
            if (b >= 0x30 && b < 0x7f) {
                designate((char) b);
                state = State.GROUND;
            } else if (b < 0x20) {
                control(b);
            }
        }
        case CSI -> csi(b);
        case CSI_IGNORE -> {
            if (b >= 0x40 && b < 0x7f) {
                state = State.GROUND;
            } else if (b < 0x20) {
                control(b);
            }
        }
        case OSC -> {
            if (b == 0x07) {
                endOfString();
                state = State.GROUND;
            } else if (b >= 0x20 && string.length() < MAXIMUM_TITLE) {
                string.append((char) b);
            }
        }
        case STRING -> {
            if (b == 0x07) {
                state = State.GROUND;
            }
        }
        }
    }

    private void ground(int b) {
        if (utf8Missing > 0) {
            if ((b & 0xc0) == 0x80) {
                utf8Value = utf8Value << 6 | b & 0x3f;
                if (--utf8Missing == 0) {
                    boolean valid = utf8Value >= utf8Minimum && utf8Value <= 0x10ffff
                            && (utf8Value < 0xd800 || utf8Value > 0xdfff);
                    print(valid ? utf8Value : REPLACEMENT);
                }
                return;
            }
            utf8Missing = 0;
            print(REPLACEMENT);
        }
        if (b < 0x20) {
            control(b);
        } else if (b < 0x7f) {
            print(b);
        } else if (b >= 0xc2 && b < 0xe0) {
            startUtf8(b & 0x1f, 1, 0x80);
        } else if (b >= 0xe0 && b < 0xf0) {
            startUtf8(b & 0x0f, 2, 0x800);
        } else if (b >= 0xf0 && b < 0xf5) {
            startUtf8(b & 0x07, 3, 0x10000);
        } else if (b != 0x7f) {
            print(REPLACEMENT);
        }
    }

    private void startUtf8(int value, int missing, int minimum) {
        utf8Value = value;
        utf8Missing = missing;
        utf8Minimum = minimum;
    }

    private void print(int codePoint) {
        int shown = codePoint;
        if (shown >= 0x60 && shown < 0x7f && screen.lineDrawing[screen.shiftOut ? 1 : 0]) {
            shown = LINE_DRAWING.charAt(shown - 0x60);
        }
        lastPrinted = shown;
        screen.print(shown);
    }

    private void control(int b) {
        switch (b) {
        case 0x07 -> bell.run();
        case 0x08 -> screen.backspace();
        case 0x09 -> screen.tab(1);
        case 0x0a, 0x0b, 0x0c -> screen.lineFeed();
        case 0x0d -> screen.carriageReturn();
        case 0x0e -> screen.shiftOut = true;
        case 0x0f -> screen.shiftOut = false;
        default -> {
            // the other C0 controls show nothing
        }
        }
    }

    private void escape(int b) {
        state = State.GROUND;
        switch (b) {
        case '[' -> {
            state = State.CSI;
            parameterCount = 0;
            parameters[0] = -1;
            prefix = 0;
            intermediate = 0;
        }
        case ']' -> {
            state = State.OSC;
            string.setLength(0);
        }
        case 'P', 'X', '^', '_' -> state = State.STRING;
        case '7' -> screen.saveCursor();
        case '8' -> screen.restoreCursor();
        case 'D' -> screen.index();
        case 'E' -> {
            screen.index();
            screen.carriageReturn();
        }
        case 'H' -> screen.setTabStop();
        case 'M' -> screen.reverseIndex();
        case 'Z' -> identify();
        case 'c' -> screen.reset();
        default -> {
            if (b >= 0x20 && b < 0x30) {
                intermediate = (char) b;
                state = State.ESCAPE_INTERMEDIATE;
            } else if (b < 0x20) {
                control(b);
                state = State.ESCAPE;
            }
        }
        }
    }

    private void designate(char set) {
        switch (intermediate) {
        case '(' -> screen.lineDrawing[0] = set == '0';
        case ')' -> screen.lineDrawing[1] = set == '0';
        case '#' -> {
            if (set == '8') {
                screen.alignmentPattern();
            }
        }
        default -> {
            // other character sets are shown as they come
        }
        }
    }

    private void csi(int b) {
        if (b >= '0' && b <= '9') {
            int value = Math.max(0, parameters[parameterCount]);
            parameters[parameterCount] = Math.min(MAXIMUM_NUMBER, value * 10 + b - '0');
        } else if (b == ';' || b == ':') {
            if (parameterCount == MAXIMUM_PARAMETERS - 1) {
                state = State.CSI_IGNORE;
            } else {
                parameters[++parameterCount] = -1;
            }
        } else if (b >= '<' && b <= '?') {
            prefix = (char) b;
        } else if (b >= 0x20 && b < 0x30) {
            intermediate = (char) b;
        } else if (b >= 0x40 && b < 0x7f) {
            state = State.GROUND;
            if (intermediate == 0) {
                execute((char) b);
            }
        } else if (b < 0x20) {
            control(b);
        }
    }

    /** @return parameter {@code index}, or the default when it is missing or zero */
    private int count(int index) {
        return Math.max(1, value(index, 1));
    }

    private int value(int index, int otherwise) {
        return index <= parameterCount && parameters[index] >= 0 ? parameters[index] : otherwise;
    }

    private void execute(char last) {
        if (prefix == '?') {
            switch (last) {
            case 'h' -> privateModes(true);
            case 'l' -> privateModes(false);
            case 'J' -> screen.eraseInDisplay(value(0, 0));
            case 'K' -> screen.eraseInLine(value(0, 0));
            default -> {
                // unknown private sequence
            }
            }
            return;
        }
        if (prefix != 0) {
            return;
        }
        switch (last) {
        case '@' -> screen.insertCells(count(0));
        case 'A' -> screen.moveBy(-count(0), 0);
        case 'B', 'e' -> screen.moveBy(count(0), 0);
        case 'C', 'a' -> screen.moveBy(0, count(0));
        case 'D' -> screen.moveBy(0, -count(0));
        case 'E' -> {
            screen.moveBy(count(0), 0);
            screen.carriageReturn();
        }
        case 'F' -> {
            screen.moveBy(-count(0), 0);
            screen.carriageReturn();
        }
        case 'G', '`' -> screen.moveToColumn(count(0) - 1);
        case 'H', 'f' -> screen.moveTo(count(0) - 1, count(1) - 1);
        case 'I' -> screen.tab(count(0));
        case 'J' -> screen.eraseInDisplay(value(0, 0));
        case 'K' -> screen.eraseInLine(value(0, 0));
        case 'L' -> screen.insertLines(count(0));
        case 'M' -> screen.deleteLines(count(0));
        case 'P' -> screen.deleteCells(count(0));
        case 'S' -> screen.scrollUp(count(0));
        case 'T' -> screen.scrollDown(count(0));
        case 'X' -> screen.eraseCells(count(0));
        case 'Z' -> screen.backTab(count(0));
        case 'b' -> {
            for (int i = Math.min(count(0), screen.columns() * screen.rows()); i > 0; i--) {
                screen.print(lastPrinted);
            }
        }
        case 'c' -> identify();
        case 'd' -> screen.moveToRow(count(0) - 1);
        case 'g' -> screen.clearTabStop(value(0, 0) == 3);
        case 'h' -> modes(true);
        case 'l' -> modes(false);
        case 'm' -> screen.setStyle(Style.apply(screen.style(), parameters, parameterCount + 1));
        case 'n' -> report();
        case 'r' -> screen.setScrollRegion(count(0) - 1, value(1, screen.rows()) - 1);
        case 's' -> screen.saveCursor();
        case 'u' -> screen.restoreCursor();
        default -> {
            // unknown sequence
        }
        }
    }

    private void modes(boolean on) {
        for (int i = 0; i <= parameterCount; i++) {
            switch (parameters[i]) {
            case 4 -> screen.insertMode = on;
            case 20 -> screen.newLineMode = on;
            default -> {
                // unknown mode
            }
            }
        }
    }

    private void privateModes(boolean on) {
        for (int i = 0; i <= parameterCount; i++) {
            switch (parameters[i]) {
            case 1 -> screen.applicationCursorKeys = on;
            case 6 -> {
                screen.originMode = on;
                screen.moveTo(0, 0);
            }
            case 7 -> screen.autoWrap = on;
            case 25 -> screen.cursorVisible = on;
            case 47, 1047 -> screen.useAlternate(on);
            case 1048 -> saveOrRestore(on);
            case 1049 -> {
                if (on) {
                    screen.saveCursor();
                    screen.useAlternate(true);
                } else {
                    screen.useAlternate(false);
                    screen.restoreCursor();
                }
            }
            case 2004 -> screen.bracketedPaste = on;
            default -> {
                // unknown mode
            }
            }
        }
    }

    private void saveOrRestore(boolean save) {
        if (save) {
            screen.saveCursor();
        } else {
            screen.restoreCursor();
        }
    }

    private void identify() {
        send("\033[?62;22c");
    }

    private void report() {
        switch (value(0, 0)) {
        case 5 -> send("\033[0n");
        case 6 -> send("\033[" + (screen.row() + 1) + ';' + (screen.column() + 1) + 'R');
        default -> {
            // unknown report
        }
        }
    }

    private void send(String text) {
        reply.accept(text.getBytes(StandardCharsets.US_ASCII));
    }

    private void endOfString() {
        int separator = string.indexOf(";");
        if (separator > 0 && "012".contains(string.substring(0, separator))) {
            String bytes = string.substring(separator + 1);
            title.accept(new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8));
        }
    }
}
