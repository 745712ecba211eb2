package org.veridianos.ide.ui.tests.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.eclipse.swt.SWT;
import org.eclipse.swt.dnd.Clipboard;
import org.eclipse.swt.dnd.TextTransfer;
import org.eclipse.swt.graphics.ImageData;
import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.layout.FillLayout;
import org.eclipse.swt.widgets.Event;
import org.eclipse.swt.widgets.Shell;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.keys.IBindingService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.ide.ui.terminal.SourceLink;
import org.veridianos.ide.ui.terminal.Terminal;
import org.veridianos.ide.ui.terminal.TerminalCanvas;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;

/** The terminal's widget: what is painted, what keys and pointer do, and what a flood costs. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
class TerminalCanvasTest {

    private final Terminal terminal = new Terminal(80, 24);
    private final ByteArrayOutputStream sent = new ByteArrayOutputStream();
    private Shell shell;
    private TerminalCanvas canvas;
    private int left;
    private SourceLink opened;

    @BeforeEach
    void open() {
        Bot.tidy();
        Bot.run(() -> {
            PlatformUI.getWorkbench().getService(IBindingService.class).setKeyFilterEnabled(false);
            shell = new Shell(Bot.display());
            shell.setLayout(new FillLayout());
            shell.setText("terminal");
            canvas = new TerminalCanvas(shell, terminal, sent::writeBytes);
            canvas.onLeave(() -> left++);
            canvas.onLink(link -> opened = link);
            shell.setBounds(50, 50, 800, 500);
            shell.open();
            shell.forceActive();
            canvas.setFocus();
        });
        Bot.waitFor("the focus", canvas::isFocusControl);
    }

    @AfterEach
    void close() {
        Bot.run(() -> {
            shell.dispose();
            PlatformUI.getWorkbench().getService(IBindingService.class).setKeyFilterEnabled(true);
        });
    }

    private void print(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        terminal.feed(bytes, 0, bytes.length);
        Bot.idle();
    }

    private String sent() {
        Bot.idle();
        String text = sent.toString(StandardCharsets.UTF_8);
        sent.reset();
        return text;
    }

    @Test
    void keysGoOutRawAndUnechoed() {
        Bot.type("ab");
        assertEquals("ab", sent());
        Bot.key(0, SWT.CR, '\r');
        Bot.key(0, SWT.TAB, '\t');
        Bot.key(0, SWT.BS, '\b');
        assertEquals("\r\t\177", sent());
        Bot.key(0, SWT.ARROW_UP, (char) 0);
        Bot.key(0, SWT.ARROW_LEFT, (char) 0);
        Bot.key(0, SWT.F5, (char) 0);
        assertEquals("\033[A\033[D\033[15~", sent());
        Bot.key(SWT.CTRL, 0, 'c');
        Bot.key(SWT.CTRL, 0, 'd');
        assertEquals("\003\004", sent());
        print("\033[?1h");
        Bot.key(0, SWT.ARROW_UP, (char) 0);
        assertEquals("\033OA", sent());
        assertEquals("", terminal.allText(), "nothing is echoed");
    }

    @Test
    void theShiftedKeysStayHere() {
        Bot.key(SWT.CTRL | SWT.SHIFT, 0, 'e');
        Bot.idle();
        assertEquals(1, left);
        print("one two\r\n");
        Bot.key(SWT.CTRL | SWT.SHIFT, 0, 'a');
        Bot.key(SWT.CTRL | SWT.SHIFT, 0, 'c');
        Bot.idle();
        assertEquals("one two", Bot.ui(() -> {
            Clipboard clipboard = new Clipboard(Bot.display());
            String text = (String) clipboard.getContents(TextTransfer.getInstance());
            clipboard.dispose();
            return text.strip();
        }));
        Bot.key(SWT.CTRL | SWT.SHIFT, 0, 'v');
        assertEquals("one two", sent().strip());
        Bot.key(SWT.CTRL | SWT.SHIFT, 0, 'k');
        Bot.waitFor("nothing left", () -> terminal.allText().isEmpty());
    }

    @Test
    void aDoubleClickSelectsAWordAndCtrlClickOpensAPlace() {
        print("panicked at src/mm/heap.rs:12:5 here");
        Point cell = Bot.ui(canvas::cellSize);
        Bot.run(() -> mouse(SWT.MouseDoubleClick, 2 * cell.x, 0));
        assertEquals("panicked", Bot.ui(canvas::getSelectionText));
        Bot.run(() -> {
            mouse(SWT.MouseMove, 15 * cell.x, SWT.MOD1);
            mouse(SWT.MouseDown, 15 * cell.x, SWT.MOD1);
        });
        assertEquals("src/mm/heap.rs", opened.path());
        assertEquals(12, opened.line());
        assertEquals(5, opened.column());
    }

    private void mouse(int type, int x, int state) {
        Event event = new Event();
        event.x = x + 6;
        event.y = 8;
        event.button = 1;
        event.stateMask = state;
        canvas.notifyListeners(type, event);
    }

    @Test
    void coloursReachTheScreen() {
        ImageData before = Bot.picture(canvas, "terminal-plain");
        print("\033[41m    \033[0m \033[1;32mgreen\033[0m \033[4munder\033[0m \033[7minverse\033[0m \u4e2d\u6587 \u2500\u253c\u2500\r\n");
        ImageData after = Bot.picture(canvas, "terminal-colours");
        Point cell = Bot.ui(canvas::cellSize);
        int x = 4 + cell.x;
        int y = 4 + cell.y / 2;
        assertNotEquals(before.palette.getRGB(before.getPixel(x, y)), after.palette.getRGB(after.getPixel(x, y)));
        assertTrue(after.palette.getRGB(after.getPixel(x, y)).red > 150);
    }

    @Test
    void fiftyMegabytesLeaveTheWindowResponsive() throws InterruptedException {
        byte[] block = "[    1.234567] \033[33mflood\033[0m: a line of the usual length as a guest prints it without end\r\n".repeat(700)
                .getBytes(StandardCharsets.US_ASCII);
        Thread guest = new Thread(() -> {
            for (long fed = 0; fed < 50_000_000; fed += block.length) {
                terminal.feed(block, 0, block.length);
            }
        }, "flooding guest");
        guest.start();
        int answers = 0;
        while (guest.isAlive()) {
            Bot.run(() -> {
            });
            answers++;
            guest.join(20);
        }
        assertTrue(answers > 1);
        assertTrue(terminal.retainedCells() <= Terminal.MAXIMUM_CELLS);
        Bot.idle();
        Bot.picture(shell, "terminal-flood");
    }

    @Test
    void theScrollbarShowsHistoryAndTypingComesBack() {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 500; i++) {
            lines.append("line ").append(i).append("\r\n");
        }
        print(lines.toString());
        int bottom = Bot.ui(() -> canvas.getVerticalBar().getSelection());
        Bot.key(SWT.SHIFT, SWT.PAGE_UP, (char) 0);
        Bot.waitFor("an earlier page", () -> canvas.getVerticalBar().getSelection() < bottom);
        int above = Bot.ui(() -> canvas.getVerticalBar().getSelection());
        print("more\r\n");
        assertEquals(above, Bot.ui(() -> canvas.getVerticalBar().getSelection()), "new lines do not move what is read");
        Bot.type("x");
        Bot.waitFor("the newest line", () -> canvas.getVerticalBar().getSelection() > bottom);
    }
}
