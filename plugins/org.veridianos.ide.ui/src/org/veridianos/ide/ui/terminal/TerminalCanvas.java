package org.veridianos.ide.ui.terminal;

import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.jface.resource.JFaceResources;
import org.eclipse.jface.util.IPropertyChangeListener;
import org.eclipse.swt.SWT;
import org.eclipse.swt.SWTException;
import org.eclipse.swt.accessibility.ACC;
import org.eclipse.swt.accessibility.AccessibleAdapter;
import org.eclipse.swt.accessibility.AccessibleControlAdapter;
import org.eclipse.swt.accessibility.AccessibleControlEvent;
import org.eclipse.swt.accessibility.AccessibleEvent;
import org.eclipse.swt.dnd.Clipboard;
import org.eclipse.swt.dnd.DND;
import org.eclipse.swt.dnd.TextTransfer;
import org.eclipse.swt.dnd.Transfer;
import org.eclipse.swt.graphics.Color;
import org.eclipse.swt.graphics.Cursor;
import org.eclipse.swt.graphics.GC;
import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Canvas;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Display;
import org.eclipse.swt.widgets.Event;
import org.eclipse.swt.widgets.ScrollBar;
import org.veridianos.ide.ui.terminal.KeyEncoder.Key;

/**
 * Shows a {@link Terminal} and sends keys, raw and unechoed, to a sink.
 *
 * <p>A change of the terminal leads to one repaint, at most every {@value #FRAME} milliseconds,
 * however fast the guest prints. All methods but the change listener run on the UI thread. The
 * picture follows the newest line until the reader scrolls up, and again once he is back at the end.
 */
public final class TerminalCanvas extends Canvas {
    /** Ids of the theme's font and colours for the guest console. */
    public static final String FONT = "org.eclipse.debug.ui.consoleFont";
    public static final String BACKGROUND = "org.veridianos.ide.ui.terminal.background";
    public static final String FOREGROUND = "org.veridianos.ide.ui.terminal.foreground";
    public static final String SELECTION = "org.veridianos.ide.ui.terminal.selection";
    private static final int FRAME = 33;
    private static final int MARGIN = 4;

    private final Display display;
    private final Terminal terminal;
    private final Consumer<byte[]> keys;
    private final TerminalPainter painter;
    private final TerminalSelection selection = new TerminalSelection();
    private final IPropertyChangeListener themeListener = e -> themeChanged();
    private Runnable leave = () -> {
    };
    private Consumer<SourceLink> linkOpener = link -> {
    };
    private long top = Long.MAX_VALUE;
    private boolean following = true;
    private boolean scheduled;
    private long lastFrame;
    private Terminal.View view = Terminal.View.NONE;
    /** The view is older than what the guest has printed, and nobody asked for a new one, because nobody could see it. */
    private boolean stale = true;
    private volatile Wanted wanted = new Wanted(0, 0, Long.MAX_VALUE, 1);
    private final Job reader = Job.createSystem(TerminalMessages.Terminal_accessibleName, this::read);
    private SourceLink hovered;

    /** A canvas on {@code terminal} whose key strokes go to {@code keys}. */
    public TerminalCanvas(Composite parent, Terminal terminal, Consumer<byte[]> keys) {
        super(parent, SWT.DOUBLE_BUFFERED | SWT.NO_BACKGROUND | SWT.V_SCROLL);
        this.terminal = terminal;
        display = getDisplay();
        this.keys = keys;
        painter = new TerminalPainter(this);
        painter.updateTheme();
        Runnable frames = this::requestFrame;
        terminal.addChangeListener(frames);
        JFaceResources.getFontRegistry().addListener(themeListener);
        JFaceResources.getColorRegistry().addListener(themeListener);
        addListener(SWT.Dispose, e -> {
            terminal.removeChangeListener(frames);
            reader.cancel();
            JFaceResources.getFontRegistry().removeListener(themeListener);
            JFaceResources.getColorRegistry().removeListener(themeListener);
        });
        addListener(SWT.Paint, e -> paint(e.gc));
        addListener(SWT.Resize, e -> fit());
        addListener(SWT.FocusIn, e -> redraw());
        addListener(SWT.FocusOut, e -> redraw());
        addListener(SWT.Traverse, e -> e.doit = false);
        addListener(SWT.KeyDown, this::keyDown);
        addListener(SWT.MouseDown, this::mouseDown);
        addListener(SWT.MouseMove, this::mouseMove);
        addListener(SWT.MouseUp, this::mouseUp);
        addListener(SWT.MouseDoubleClick, this::mouseDoubleClick);
        addListener(SWT.MouseVerticalWheel, this::wheel);
        getVerticalBar().addListener(SWT.Selection, e -> scrollTo(view.firstLine() + getVerticalBar().getSelection()));
        addAccessibility();
    }

    /** @param action what the key that leaves the terminal does */
    public void onLeave(Runnable action) {
        leave = action;
    }

    /** @param opener shows the place that a printed {@code file:line} names */
    public void onLink(Consumer<SourceLink> opener) {
        linkOpener = opener;
    }

    private void addAccessibility() {
        getAccessible().addAccessibleListener(new AccessibleAdapter() {
            @Override
            public void getName(AccessibleEvent e) {
                e.result = TerminalMessages.Terminal_accessibleName;
            }
        });
        getAccessible().addAccessibleControlListener(new AccessibleControlAdapter() {
            @Override
            public void getRole(AccessibleControlEvent e) {
                e.detail = ACC.ROLE_TEXT;
            }

            @Override
            public void getValue(AccessibleControlEvent e) {
                e.result = LongStream.range(view.top(), view.top() + view.rows().length).mapToObj(view::text).collect(Collectors.joining("\n"));
            }
        });
    }

    /** Called by the terminal on the thread that feeds it. */
    private void requestFrame() {
        try {
            display.asyncExec(this::scheduleFrame);
        } catch (SWTException disposed) {
            // The window has gone in the meantime; nobody looks any more.
        }
    }

    private void scheduleFrame() {
        if (scheduled || isDisposed()) {
            return;
        }
        scheduled = true;
        long since = (System.nanoTime() - lastFrame) / 1_000_000;
        getDisplay().timerExec((int) Math.max(0, FRAME - since), () -> {
            scheduled = false;
            if (!isDisposed()) {
                lastFrame = System.nanoTime();
                stale = !isVisible();
                if (!stale) {
                    look();
                }
            }
        });
    }

    private void themeChanged() {
        if (!isDisposed()) {
            painter.updateTheme();
            fit();
            redraw();
        }
    }

    private void fit() {
        Rectangle area = getClientArea();
        int columns = (area.width - 2 * MARGIN) / painter.cellWidth();
        int rows = (area.height - 2 * MARGIN) / painter.cellHeight();
        if (columns > 1 && rows > 1) {
            wanted = new Wanted(columns, rows, wanted.top, wanted.count);
        }
        look();
    }

    private int visibleRows() {
        return Math.max(1, (getClientArea().height - 2 * MARGIN) / painter.cellHeight());
    }

    /**
     * What the reader is to fetch.
     *
     * @param columns size in cells that the terminal shall have; 0 as long as it is not known
     * @param rows    the same
     * @param top     first line to show
     * @param count   number of lines
     */
    private record Wanted(int columns, int rows, long top, int count) {
    }

    /** Asks for what is to be seen now. */
    private void look() {
        wanted = new Wanted(wanted.columns, wanted.rows, following ? Long.MAX_VALUE : top, visibleRows());
        reader.schedule();
    }

    /** Beside the UI thread, which never waits for the terminal's lock: who holds it may be wrapping a long scrollback anew, or have no CPU. */
    private void read(IProgressMonitor monitor) {
        Wanted now = wanted;
        if (now.columns > 0) {
            terminal.resize(now.columns, now.rows);
        }
        Terminal.View seen = terminal.view(now.top, now.count);
        try {
            display.asyncExec(() -> show(seen, now));
        } catch (SWTException disposed) {
            // The window has gone in the meantime; nobody looks any more.
        }
    }

    private void show(Terminal.View seen, Wanted asked) {
        if (isDisposed()) {
            return;
        }
        view = seen;
        if (asked.equals(wanted)) {
            top = seen.top();
        }
        redraw();
    }

    private void paint(GC gc) {
        if (stale) {
            stale = false;
            look();
        }
        updateScrollBar();
        painter.paint(gc, getClientArea(), MARGIN, view, selection, hovered, isFocusControl());
    }

    private void updateScrollBar() {
        ScrollBar bar = getVerticalBar();
        int lines = (int) (view.lineCount() - view.firstLine());
        int thumb = Math.min(visibleRows(), lines);
        int position = (int) (view.top() - view.firstLine());
        if (bar.getMaximum() != lines || bar.getThumb() != thumb || bar.getSelection() != position) {
            bar.setValues(position, 0, Math.max(1, lines), Math.max(1, thumb), 3, Math.max(1, thumb - 1));
        }
    }

    /** Shows from an absolute line on; the end means following the newest line again. */
    private void scrollTo(long line) {
        long end = view.lineCount() - visibleRows();
        top = Math.max(view.firstLine(), Math.min(line, end));
        following = top >= end;
        look();
    }

    private void wheel(Event e) {
        scrollTo(top - e.count);
        e.doit = false;
    }

    private void send(byte[] bytes) {
        if (bytes.length > 0) {
            if (!following) {
                following = true;
                look();
            }
            keys.accept(bytes);
        }
    }

    private void keyDown(Event e) {
        boolean shift = (e.stateMask & SWT.SHIFT) != 0;
        boolean control = (e.stateMask & SWT.CTRL) != 0;
        boolean alt = (e.stateMask & SWT.ALT) != 0;
        if (ownKey(e, shift, control)) {
            e.doit = false;
            return;
        }
        Key key = key(e.keyCode);
        if (key != null) {
            send(KeyEncoder.encode(key, shift, alt, control, terminal.applicationCursorKeys()));
        } else {
            boolean nul = control && (e.keyCode == ' ' || e.character == 0 && e.keyCode == '2');
            if (nul || e.character != 0) {
                send(KeyEncoder.encode(nul ? 0 : e.character, shift, alt, control));
            }
        }
        e.doit = false;
    }

    /** The few keys that the terminal keeps for itself; all with Shift, which a serial line cannot tell anyway. */
    private boolean ownKey(Event e, boolean shift, boolean control) {
        boolean command = control && shift || (e.stateMask & SWT.COMMAND) != 0;
        if (command) {
            switch (Character.toLowerCase(e.keyCode)) {
            case 'c' -> copy();
            case 'v' -> paste();
            case 'a' -> selectAll();
            case 'k' -> clear();
            case 'e' -> leave.run();
            default -> {
                return false;
            }
            }
            return true;
        }
        if (shift && !control && e.keyCode == SWT.PAGE_UP) {
            scrollTo(top - visibleRows() + 1);
            return true;
        }
        if (shift && !control && e.keyCode == SWT.PAGE_DOWN) {
            scrollTo(top + visibleRows() - 1);
            return true;
        }
        return false;
    }

    private static Key key(int code) {
        return switch (code) {
        case SWT.ARROW_UP -> Key.UP;
        case SWT.ARROW_DOWN -> Key.DOWN;
        case SWT.ARROW_LEFT -> Key.LEFT;
        case SWT.ARROW_RIGHT -> Key.RIGHT;
        case SWT.HOME -> Key.HOME;
        case SWT.END -> Key.END;
        case SWT.INSERT -> Key.INSERT;
        case SWT.DEL -> Key.DELETE;
        case SWT.PAGE_UP -> Key.PAGE_UP;
        case SWT.PAGE_DOWN -> Key.PAGE_DOWN;
        default -> code >= SWT.F1 && code <= SWT.F12 ? Key.values()[Key.F1.ordinal() + code - SWT.F1] : null;
        };
    }

    private long lineAt(int y) {
        return view.top() + Math.floorDiv(y - MARGIN, painter.cellHeight());
    }

    private int columnAt(int x) {
        return Math.clamp(Math.floorDiv(x - MARGIN, painter.cellWidth()), 0, view.columns());
    }

    private void mouseDown(Event e) {
        setFocus();
        if (e.button == 1 && hovered != null) {
            linkOpener.accept(hovered);
            return;
        }
        if (e.button == 1) {
            selection.start(lineAt(e.y), columnAt(e.x + painter.cellWidth() / 2), (e.stateMask & SWT.SHIFT) != 0);
            redraw();
        } else if (e.button == 2) {
            paste(DND.SELECTION_CLIPBOARD);
        }
    }

    private void mouseMove(Event e) {
        if ((e.stateMask & SWT.BUTTON1) != 0 && selection.isDragging()) {
            if (e.y < 0) {
                scrollTo(top - 1);
            } else if (e.y > getClientArea().height) {
                scrollTo(top + 1);
            }
            selection.extend(lineAt(e.y), columnAt(e.x + painter.cellWidth() / 2));
            redraw();
            return;
        }
        SourceLink link = (e.stateMask & SWT.MOD1) != 0 ? linkAt(e.x, e.y) : null;
        if (!Objects.equals(link, hovered)) {
            hovered = link;
            Cursor cursor = link == null ? null : getDisplay().getSystemCursor(SWT.CURSOR_HAND);
            setCursor(cursor);
            redraw();
        }
    }

    private SourceLink linkAt(int x, int y) {
        long line = lineAt(y);
        return SourceLink.at(view.text(line), line, columnAt(x));
    }

    private void mouseUp(Event e) {
        if (e.button == 1 && selection.isDragging()) {
            selection.end();
            copy(DND.SELECTION_CLIPBOARD);
        }
    }

    private void mouseDoubleClick(Event e) {
        if (e.button == 1) {
            long line = lineAt(e.y);
            selection.word(line, columnAt(e.x), view.text(line));
            copy(DND.SELECTION_CLIPBOARD);
            redraw();
        }
    }

    /** @return the selected text, empty when nothing is selected */
    public String getSelectionText() {
        return selection.text(terminal);
    }

    /** Copies the selection to the clipboard. */
    public void copy() {
        copy(DND.CLIPBOARD);
    }

    private void copy(int target) {
        String text = getSelectionText();
        if (!text.isEmpty()) {
            Clipboard clipboard = new Clipboard(getDisplay());
            clipboard.setContents(new Object[] { text }, new Transfer[] { TextTransfer.getInstance() }, target);
            clipboard.dispose();
        }
    }

    /** Sends the clipboard's text to the guest. */
    public void paste() {
        paste(DND.CLIPBOARD);
    }

    private void paste(int source) {
        Clipboard clipboard = new Clipboard(getDisplay());
        Object text = clipboard.getContents(TextTransfer.getInstance(), source);
        clipboard.dispose();
        if (text instanceof String s) {
            send(KeyEncoder.paste(s, terminal.bracketedPaste()));
        }
    }

    /** Selects everything that is kept. */
    public void selectAll() {
        selection.all(view);
        redraw();
    }

    /** Forgets what was printed. */
    public void clear() {
        selection.clear();
        following = true;
        terminal.clear();
    }

    /** @return width and height of a cell in pixels */
    public Point cellSize() {
        return new Point(painter.cellWidth(), painter.cellHeight());
    }

    Color themeColour(String id, int system) {
        Color colour = JFaceResources.getColorRegistry().get(id);
        return colour != null ? colour : getDisplay().getSystemColor(system);
    }
}
