package org.veridianos.views.ui.widget;

import java.util.HashSet;
import java.util.Set;
import org.eclipse.swt.SWT;
import org.veridianos.views.ui.model.TreeRow;

/** Which rows of a tree in a {@link LiveTable} are open; the arrow keys, Enter and a double click open and close them. */
public final class Trees {

    private final Set<Object> open = new HashSet<>();

    /** Lets {@code table} open and close its rows; {@code changed} hears of it. */
    public <V> Trees(LiveTable<TreeRow<V>> table, Runnable changed) {
        table.control().addListener(SWT.DefaultSelection, e -> toggle(table.selected(), null, changed));
        table.control().addListener(SWT.KeyDown, e -> {
            if (e.keyCode == SWT.ARROW_RIGHT || e.keyCode == SWT.ARROW_LEFT) {
                toggle(table.selected(), e.keyCode == SWT.ARROW_RIGHT, changed);
                e.doit = false;
            }
        });
    }

    private void toggle(TreeRow<?> row, Boolean show, Runnable changed) {
        if (row == null || !row.expandable()) {
            return;
        }
        boolean want = show == null ? !open.contains(row.key()) : show;
        if (want ? open.add(row.key()) : open.remove(row.key())) {
            changed.run();
        }
    }

    /** The open rows now. */
    public Set<Object> open() {
        return Set.copyOf(open);
    }

    /** Opens a row. */
    public void open(Object key) {
        open.add(key);
    }
}
