package org.veridianos.ide.ui.terminal;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * Lines that left the screen at its top, oldest first. Bounded in lines and in cells, whichever is
 * reached first, so that neither many short nor few endless lines can fill memory.
 */
final class Scrollback {
    private final int maximumLines;
    private final long maximumCells;
    private Line[] ring = new Line[256];
    private int head;
    private int size;
    private long cells;
    private long dropped;

    Scrollback(int maximumLines, long maximumCells) {
        this.maximumLines = maximumLines;
        this.maximumCells = maximumCells;
    }

    int size() {
        return size;
    }

    long cells() {
        return cells;
    }

    /** @return how many lines were forgotten since the beginning: the number of the oldest kept line */
    long dropped() {
        return dropped;
    }

    Line get(int index) {
        return ring[(head + index) % ring.length];
    }

    void push(Line line) {
        if (maximumLines == 0) {
            dropped++;
            return;
        }
        if (size == ring.length) {
            grow();
        }
        ring[(head + size) % ring.length] = line;
        size++;
        cells += line.cells.length;
        while (size > maximumLines || cells > maximumCells && size > 1) {
            removeFirst();
            dropped++;
        }
    }

    /** Takes the newest line back, for a screen that became taller. */
    Line pop() {
        int last = (head + size - 1) % ring.length;
        Line line = ring[last];
        ring[last] = null;
        size--;
        cells -= line.cells.length;
        return line;
    }

    void clear() {
        dropped += size;
        ring = new Line[256];
        head = 0;
        size = 0;
        cells = 0;
    }

    /** Breaks all lines anew for another width; the newest lines keep their place at the end. */
    void rewrap(int columns) {
        List<Line> all = new ArrayList<>(size);
        ArrayDeque<Line> rest = new ArrayDeque<>();
        for (int i = 0; i < size; i++) {
            rest.add(get(i));
        }
        int before = size;
        Reflow.rewrap(rest, columns, all);
        ring = new Line[Math.max(256, Integer.highestOneBit(Math.max(1, all.size())) * 2)];
        head = 0;
        size = 0;
        cells = 0;
        dropped = Math.max(0, dropped + before - all.size());
        all.forEach(this::push);
    }

    private void removeFirst() {
        cells -= ring[head].cells.length;
        ring[head] = null;
        head = (head + 1) % ring.length;
        size--;
    }

    private void grow() {
        Line[] larger = new Line[ring.length * 2];
        for (int i = 0; i < size; i++) {
            larger[i] = get(i);
        }
        ring = larger;
        head = 0;
    }
}
