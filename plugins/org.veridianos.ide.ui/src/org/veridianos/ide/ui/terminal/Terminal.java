package org.veridianos.ide.ui.terminal;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * A terminal without a widget: bytes of the guest go in, a picture of any rows comes out. Rows are
 * counted from the first line ever printed ("absolute"), so that a number stays with its text while
 * the terminal scrolls.
 *
 * <p>One lock guards screen and scrollback and is held for at most {@value #SLICE} bytes of input or
 * one copy of the visible rows, so that the reader of a flooding guest and the painter's job share
 * it fairly. Listeners run outside the lock, once per batch of changes until
 * {@link #view} was called, which is what lets the painter coalesce.
 */
public final class Terminal {
    /** Scrollback bounds: lines, and cells of eight bytes each. */
    public static final int MAXIMUM_LINES = 20_000;
    public static final long MAXIMUM_CELLS = 2_000_000;
    private static final int SLICE = 16 * 1024;

    private final ReentrantLock lock = new ReentrantLock(true);
    private final Scrollback scrollback = new Scrollback(MAXIMUM_LINES, MAXIMUM_CELLS);
    private final Screen screen;
    private final EscapeParser parser;
    private final AtomicBoolean dirty = new AtomicBoolean();
    private final List<byte[]> replies = new ArrayList<>();
    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
    private volatile Consumer<byte[]> reply = bytes -> {
    };
    private volatile String title = "";
    private volatile long bells;

    /** What a painter needs to know about the terminal at one moment. */
    public record View(long firstLine, long lineCount, long top, long[][] rows, boolean[] wrapped, int columns,
            int screenRows, long cursorLine, int cursorColumn, boolean cursorVisible) {

        /** Of a terminal that was not looked at yet. */
        static final View NONE = new View(0, 0, 0, new long[0][], new boolean[0], 0, 0, 0, 0, false);

        /** @return the text of one of the rows, without its blank end; empty for a line that is not in it */
        String text(long line) {
            StringBuilder out = new StringBuilder();
            if (line >= top && line < top + rows.length) {
                long[] cells = rows[(int) (line - top)];
                Line.appendText(out, cells, 0, Line.of(cells, false).contentLength());
            }
            return out.toString();
        }
    }

    /** A terminal of the given size. */
    public Terminal(int columns, int rows) {
        screen = new Screen(columns, rows, scrollback);
        parser = new EscapeParser(screen, replies::add, text -> title = text, () -> bells++);
    }

    /** @param listener called, on any thread, when something has changed that was not looked at yet */
    public void addChangeListener(Runnable listener) {
        listeners.add(listener);
    }

    /** @param listener not called any more */
    public void removeChangeListener(Runnable listener) {
        listeners.remove(listener);
    }

    /** @param sink where the terminal's own answers (cursor position and the like) are sent */
    public void onReply(Consumer<byte[]> sink) {
        reply = sink;
    }

    /** Takes output of the guest. */
    public void feed(byte[] data, int offset, int length) {
        int at = offset;
        int end = offset + length;
        while (at < end) {
            int count = Math.min(SLICE, end - at);
            List<byte[]> answers = List.of();
            lock.lock();
            try {
                parser.feed(data, at, count);
                if (!replies.isEmpty()) {
                    answers = List.copyOf(replies);
                    replies.clear();
                }
            } finally {
                lock.unlock();
            }
            at += count;
            answers.forEach(reply);
            markChanged();
        }
    }

    /** Changes the size in cells; text is wrapped anew. */
    public void resize(int columns, int rows) {
        lock.lock();
        try {
            if (screen.columns() == Math.max(2, columns) && screen.rows() == Math.max(2, rows)) {
                return;
            }
            screen.resize(Math.max(2, columns), Math.max(2, rows));
        } finally {
            lock.unlock();
        }
        markChanged();
    }

    /** Forgets everything printed so far, screen and scrollback. */
    public void clear() {
        lock.lock();
        try {
            scrollback.clear();
            screen.eraseInDisplay(2);
            scrollback.clear();
            screen.moveTo(0, 0);
        } finally {
            lock.unlock();
        }
        markChanged();
    }

    private void markChanged() {
        if (dirty.compareAndSet(false, true)) {
            listeners.forEach(Runnable::run);
        }
    }

    /**
     * Copies what is to be painted.
     *
     * @param top absolute number of the first row wanted; anything beyond the end means the screen
     * @param count number of rows wanted
     */
    public View view(long top, int count) {
        dirty.set(false);
        lock.lock();
        try {
            long first = scrollback.dropped();
            long lines = first + scrollback.size() + screen.rows();
            long from = Math.max(first, Math.min(top, lines - count));
            int n = (int) Math.min(count, lines - from);
            long[][] rows = new long[n][];
            boolean[] wrapped = new boolean[n];
            for (int i = 0; i < n; i++) {
                Line line = line(from + i - first);
                rows[i] = line.cells.clone();
                wrapped[i] = line.wrapped;
            }
            return new View(first, lines, from, rows, wrapped, screen.columns(), screen.rows(),
                    first + scrollback.size() + screen.row(), screen.column(), screen.cursorVisible);
        } finally {
            lock.unlock();
        }
    }

    /** @return the text between two positions, rows joined where the terminal had wrapped them */
    public String text(long fromLine, int fromColumn, long toLine, int toColumn) {
        StringBuilder out = new StringBuilder();
        lock.lock();
        try {
            long first = scrollback.dropped();
            long last = first + scrollback.size() + screen.rows() - 1;
            for (long i = Math.max(first, fromLine); i <= Math.min(last, toLine); i++) {
                Line line = line(i - first);
                int from = i == fromLine ? fromColumn : 0;
                int to = i == toLine ? toColumn : Integer.MAX_VALUE;
                int content = line.wrapped ? line.cells.length : line.contentLength();
                Line.appendText(out, line.cells, from, Math.min(to, content));
                if (i < toLine && !line.wrapped) {
                    out.append('\n');
                }
            }
        } finally {
            lock.unlock();
        }
        return out.toString();
    }

    /** @return all that is kept, for tests and for copying everything */
    public String allText() {
        return text(0, 0, Long.MAX_VALUE - 1, Integer.MAX_VALUE).stripTrailing();
    }

    /** @return number of cells that the scrollback holds now */
    public long retainedCells() {
        lock.lock();
        try {
            return scrollback.cells();
        } finally {
            lock.unlock();
        }
    }

    private Line line(long index) {
        int kept = scrollback.size();
        return index < kept ? scrollback.get((int) index) : screen.line((int) (index - kept));
    }

    /** @return the title that the guest has set, empty without one */
    public String title() {
        return title;
    }

    /** @return how often the guest rang the bell */
    public long bells() {
        return bells;
    }

    /** @return whether arrow keys are to be sent in their application form */
    public boolean applicationCursorKeys() {
        return screen.applicationCursorKeys;
    }

    /** @return whether pasted text is to be framed */
    public boolean bracketedPaste() {
        return screen.bracketedPaste;
    }
}
