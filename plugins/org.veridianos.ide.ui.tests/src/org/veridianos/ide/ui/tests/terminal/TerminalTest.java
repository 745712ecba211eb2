package org.veridianos.ide.ui.tests.terminal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;
import org.veridianos.ide.ui.terminal.Cell;
import org.veridianos.ide.ui.terminal.KeyEncoder;
import org.veridianos.ide.ui.terminal.KeyEncoder.Key;
import org.veridianos.ide.ui.terminal.Palette;
import org.veridianos.ide.ui.terminal.Terminal;

/** What a guest can print and what then stands on the screen. */
class TerminalTest {
    private final Terminal terminal = new Terminal(10, 4);

    private TerminalTest print(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        terminal.feed(bytes, 0, bytes.length);
        return this;
    }

    /** Rows of the screen without blank ends. */
    private List<String> screen() {
        Terminal.View view = terminal.view(Long.MAX_VALUE, 4);
        List<String> out = new ArrayList<>();
        for (long[] row : view.rows()) {
            StringBuilder line = new StringBuilder();
            for (long cell : row) {
                if ((cell & Cell.WIDE_TAIL) == 0) {
                    line.appendCodePoint(Cell.codePoint(cell));
                }
            }
            out.add(line.toString().stripTrailing());
        }
        return out;
    }

    private long cell(int row, int column) {
        return terminal.view(Long.MAX_VALUE, 4).rows()[row][column];
    }

    private static void assertScreen(List<String> actual, String... expected) {
        List<String> rows = new ArrayList<>(Arrays.asList(expected));
        while (rows.size() < 4) {
            rows.add("");
        }
        assertEquals(rows, actual);
    }

    @Test
    void linesOfASerialConsole() {
        print("one\r\ntwo\r\n");
        assertScreen(screen(), "one", "two");
        assertEquals("one\ntwo", terminal.allText());
    }

    @Test
    void backspaceMovesAndOverwrites() {
        print("abc\b\bX");
        assertScreen(screen(), "aXc");
        print("\r\b\bY");
        assertScreen(screen(), "YXc");
        print("\b \b");
        assertScreen(screen(), " Xc");
    }

    @Test
    void longLinesWrapAndCopyAsOne() {
        print("0123456789abc");
        assertScreen(screen(), "0123456789", "abc");
        assertEquals("0123456789abc", terminal.allText());
    }

    @Test
    void aFullLineWrapsOnlyWithTheNextCharacter() {
        print("0123456789\r\nx");
        assertScreen(screen(), "0123456789", "x");
        assertEquals("0123456789\nx", terminal.allText());
    }

    @Test
    void withoutAutoWrapTheLastColumnIsOverwritten() {
        print("\033[?7l0123456789abc");
        assertScreen(screen(), "012345678c");
    }

    @Test
    void whatScrollsOffIsKept() {
        print("1\r\n2\r\n3\r\n4\r\n5\r\n6");
        assertScreen(screen(), "3", "4", "5", "6");
        assertEquals("1\n2\n3\n4\n5\n6", terminal.allText());
        assertEquals(6, terminal.view(0, 4).lineCount());
    }

    @Test
    void coloursAndAttributes() {
        print("\033[1;31;44mA\033[0mB\033[38;5;200mC\033[38;2;255;0;0mD\033[92mE\033[39mF");
        assertEquals(1, Cell.foreground(cell(0, 0)));
        assertEquals(4, Cell.background(cell(0, 0)));
        assertTrue((cell(0, 0) & Cell.BOLD) != 0);
        assertEquals('B', cell(0, 1));
        assertEquals(200, Cell.foreground(cell(0, 2)));
        assertEquals(196, Cell.foreground(cell(0, 3)));
        assertEquals(10, Cell.foreground(cell(0, 4)));
        assertEquals(-1, Cell.foreground(cell(0, 5)));
    }

    @Test
    void coloursAreReadableOnBothBackgrounds() {
        for (int i = 0; i < 16; i++) {
            assertTrue(contrast(Palette.foreground(i, true), 0x1e1e1e) >= 4.5, "dark " + i);
            assertTrue(contrast(Palette.foreground(i, false), 0xffffff) >= 4.5, "light " + i);
        }
    }

    private static double contrast(int a, int b) {
        double x = luminance(a);
        double y = luminance(b);
        return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
    }

    private static double luminance(int rgb) {
        return 0.2126 * linear(rgb >> 16 & 255) + 0.7152 * linear(rgb >> 8 & 255) + 0.0722 * linear(rgb & 255);
    }

    private static double linear(int channel) {
        double c = channel / 255.0;
        return c <= 0.03928 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4);
    }

    @Test
    void cursorMovement() {
        print("\033[2;3HX\033[AY\033[2DZ\033[4;10HE\033[1;1Ha");
        assertScreen(screen(), "a ZY", "  X", "", "         E");
    }

    @Test
    void erasing() {
        print("aaaa\r\nbbbb\r\ncccc\033[2;3H\033[K");
        assertScreen(screen(), "aaaa", "bb", "cccc");
        print("\033[1K");
        assertScreen(screen(), "aaaa", "", "cccc");
        print("\033[J");
        assertScreen(screen(), "aaaa");
        print("\033[2J");
        assertScreen(screen());
    }

    @Test
    void clearingTheScreenKeepsTheLinesAbove() {
        print("panic: once\r\n\033[2J\033[Hshell");
        assertScreen(screen(), "shell");
        assertTrue(terminal.allText().startsWith("panic: once"));
        print("\033[3J");
        assertEquals("shell", terminal.allText());
    }

    @Test
    void insertAndDelete() {
        print("abcdef\033[1;3H\033[2@");
        assertScreen(screen(), "ab  cdef");
        print("\033[3P");
        assertScreen(screen(), "abdef");
        print("\033[2X");
        assertScreen(screen(), "ab  f");
        print("\r\n2\r\n3\033[1;1H\033[L");
        assertScreen(screen(), "", "ab  f", "2", "3");
        print("\033[2M");
        assertScreen(screen(), "2", "3");
    }

    @Test
    void scrollRegion() {
        print("1\r\n2\r\n3\r\n4\033[2;3r\033[3;1H\nX");
        assertScreen(screen(), "1", "3", "X", "4");
        print("\033[2;1H\033M");
        assertScreen(screen(), "1", "", "3", "4");
        assertEquals(4, terminal.view(0, 4).lineCount(), "a region's lines do not go to the scrollback");
    }

    @Test
    void alternateScreenComesAndGoes() {
        print("shell\r\n\033[?1049h\033[2J\033[Heditor");
        assertScreen(screen(), "editor");
        print("\033[?1049l");
        assertScreen(screen(), "shell");
        print("more");
        assertScreen(screen(), "shell", "more");
    }

    @Test
    void tabs() {
        print("a\tb");
        assertScreen(screen(), "a       b");
        print("\r\033[3g\033[5G\033H\r\tX");
        assertScreen(screen(), "a   X   b");
    }

    @Test
    void lineDrawingSet() {
        print("\033(0lqk\033(Bq");
        assertScreen(screen(), "\u250c\u2500\u2510q");
    }

    @Test
    void unicodeInPiecesAndBroken() {
        byte[] euro = "\u20ac".getBytes(StandardCharsets.UTF_8);
        for (byte b : euro) {
            terminal.feed(new byte[] { b }, 0, 1);
        }
        print("\u00e4");
        terminal.feed(new byte[] { (byte) 0xe2, 'x', (byte) 0xff, (byte) 0xc0 }, 0, 4);
        assertScreen(screen(), "\u20ac\u00e4\ufffdx\ufffd\ufffd");
    }

    @Test
    void wideCharactersTakeTwoCells() {
        print("\u4e2d\u6587x");
        assertEquals('x', Cell.codePoint(cell(0, 4)));
        print("\033[1;2Hy");
        assertScreen(screen(), " y\u6587x");
        print("\033[1;10H\u4e2d");
        assertEquals(0x4e2d, Cell.codePoint(cell(1, 0)));
    }

    @Test
    void answersToQuestions() {
        List<String> answers = new ArrayList<>();
        terminal.onReply(bytes -> answers.add(new String(bytes, StandardCharsets.US_ASCII)));
        print("ab\033[6n\033[5n\033[c");
        assertEquals(List.of("\033[1;3R", "\033[0n", "\033[?62;22c"), answers);
    }

    @Test
    void titleAndBell() {
        print("\033]0;veridian \u00e4\007\007x\033]2;two\033\\y");
        assertEquals("two", terminal.title());
        assertEquals(1, terminal.bells());
        assertScreen(screen(), "xy");
    }

    @Test
    void unknownSequencesShowNothing() {
        print("a\033[>4;2mb\033[?9999hc\033P1$r0m\033\\d\033[1;2;3 qe\033%Gf");
        assertScreen(screen(), "abcdef");
    }

    @Test
    void resizingWrapsAnew() {
        print("0123456789abcdef\r\nend");
        terminal.resize(20, 4);
        assertScreen(screen(), "0123456789abcdef", "end");
        print("!");
        assertScreen(screen(), "0123456789abcdef", "end!");
        terminal.resize(5, 4);
        assertScreen(screen(), "56789", "abcde", "f", "end!");
        assertEquals("0123456789abcdef\nend!", terminal.allText());
        terminal.resize(10, 6);
        assertEquals("0123456789abcdef\nend!", terminal.allText());
        print("?");
        assertEquals("0123456789abcdef\nend!?", terminal.allText());
    }

    @Test
    void changesAreAnnouncedOnceUntilLookedAt() {
        AtomicInteger calls = new AtomicInteger();
        terminal.addChangeListener(calls::incrementAndGet);
        print("a");
        print("b");
        assertEquals(1, calls.get());
        terminal.view(0, 4);
        print("c");
        assertEquals(2, calls.get());
    }

    @Test
    void fiftyMegabytesStayBounded() {
        byte[] block = ("[    1.234567] \033[32mkernel\033[0m: a line of the usual length, more or less, as they come\r\n")
                .repeat(1000).getBytes(StandardCharsets.US_ASCII);
        long start = System.nanoTime();
        for (long fed = 0; fed < 50_000_000; fed += block.length) {
            terminal.feed(block, 0, block.length);
        }
        long milliseconds = (System.nanoTime() - start) / 1_000_000;
        System.out.println("terminal: 50 MB in " + milliseconds + " ms");
        assertTrue(milliseconds < 20_000, "50 MB took " + milliseconds + " ms");
        assertTrue(terminal.retainedCells() <= Terminal.MAXIMUM_CELLS);
        assertTrue(terminal.view(0, 4).lineCount() - terminal.view(0, 4).firstLine() <= Terminal.MAXIMUM_LINES + 4);
    }

    @Test
    void anEndlessLineStaysBoundedToo() {
        byte[] block = "x".repeat(1_000_000).getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < 20; i++) {
            terminal.feed(block, 0, block.length);
        }
        assertTrue(terminal.retainedCells() <= Terminal.MAXIMUM_CELLS);
        long start = System.nanoTime();
        terminal.resize(80, 24);
        assertTrue(System.nanoTime() - start < 1_000_000_000L, "wrapping anew must not be quadratic");
    }

    @Test
    void noInputBreaksIt() {
        Random random = new Random(1);
        String alphabet = "\033\033\033[[]?;:0123456789ABCDHJKLMPSTXZ@bcdfghlmnrsu\r\n\b\t \016\017(0)#8Pz\u4e2d\007";
        for (int round = 0; round < 20_000; round++) {
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(60); i >= 0; i--) {
                text.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
            print(text.toString());
            if (round % 50 == 0) {
                terminal.resize(2 + random.nextInt(30), 2 + random.nextInt(12));
            }
            Terminal.View view = terminal.view(random.nextInt(100), 1 + random.nextInt(20));
            assertTrue(view.cursorColumn() >= 0 && view.cursorColumn() < view.columns());
            assertTrue(view.cursorLine() < view.lineCount());
        }
    }

    @Test
    void keysAreSentAsXtermSendsThem() {
        assertArrayEquals(bytes("\033[A"), KeyEncoder.encode(Key.UP, false, false, false, false));
        assertArrayEquals(bytes("\033OA"), KeyEncoder.encode(Key.UP, false, false, false, true));
        assertArrayEquals(bytes("\033[1;5C"), KeyEncoder.encode(Key.RIGHT, false, false, true, true));
        assertArrayEquals(bytes("\033[3~"), KeyEncoder.encode(Key.DELETE, false, false, false, false));
        assertArrayEquals(bytes("\033[15;2~"), KeyEncoder.encode(Key.F5, true, false, false, false));
        assertArrayEquals(bytes("\033OP"), KeyEncoder.encode(Key.F1, false, false, false, false));
        assertArrayEquals(bytes("\003"), KeyEncoder.encode((char) 3, false, false, true));
        assertArrayEquals(bytes("\t"), KeyEncoder.encode('\t', false, false, false));
        assertArrayEquals(bytes("\033[Z"), KeyEncoder.encode('\t', true, false, false));
        assertArrayEquals(bytes("\r"), KeyEncoder.encode('\r', false, false, false));
        assertArrayEquals(bytes("\177"), KeyEncoder.encode('\b', false, false, false));
        assertArrayEquals(bytes("\033x"), KeyEncoder.encode('x', false, true, false));
        assertArrayEquals(bytes("\u00e4"), KeyEncoder.encode('\u00e4', false, false, false));
        assertEquals(0, KeyEncoder.encode((char) 0, true, false, false).length);
    }

    @Test
    void pastedTextCannotSmuggleEscapes() {
        assertArrayEquals(bytes("a\rb"), KeyEncoder.paste("a\nb", false));
        assertArrayEquals(bytes("\033[200~a[201~\033[201~"), KeyEncoder.paste("a\033[201~", true));
        assertFalse(terminal.bracketedPaste());
        print("\033[?2004h");
        assertTrue(terminal.bracketedPaste());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
