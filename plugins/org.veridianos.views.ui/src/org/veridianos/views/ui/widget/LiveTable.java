package org.veridianos.views.ui.widget;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.eclipse.jface.resource.JFaceResources;
import org.eclipse.swt.SWT;
import org.eclipse.swt.dnd.Clipboard;
import org.eclipse.swt.dnd.TextTransfer;
import org.eclipse.swt.dnd.Transfer;
import org.eclipse.swt.graphics.Color;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Table;
import org.eclipse.swt.widgets.TableColumn;
import org.eclipse.swt.widgets.TableItem;
import org.eclipse.ui.IMemento;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.Rows;
import org.veridianos.views.ui.model.TableText;
import org.veridianos.views.ui.paint.Theme;

/**
 * A table of rows that come anew with each snapshot. Only what is visible and has changed is touched; the selection follows
 * its rows; while the pointer is on the table no row changes its place.
 *
 * <p>Filtering and sorting happen elsewhere: {@link #arrangement} takes what the user set, {@link Arrangement#apply} makes
 * {@link Rows} of it in the background, {@link #show} shows them.
 */
public final class LiveTable<R> {

    /** So many readings may pass until the row that was selected before a restart is there again. */
    private static final int TRIES_TO_SELECT = 20;

    private final Table table;
    private final List<Column<R>> columns;
    private final Function<R, Object> key;
    private Predicate<R> dimmed = r -> false;
    private Rows<R> rows = Rows.none();
    private final BitSet filled = new BitSet();
    private int sortColumn = -1;
    private boolean descending;
    private boolean pointed;
    /** Key of the row that was selected before a restart, as text; null once it is selected again or the user chose another. */
    private String kept;
    private int keptTries;
    private Runnable onArrangement = () -> { };
    private final List<Consumer<R>> onSelection = new ArrayList<>();

    /**
     * A table.
     *
     * @param key what makes a row the same one in the next snapshot
     */
    public LiveTable(Composite parent, List<Column<R>> columns, Function<R, Object> key) {
        this.columns = List.copyOf(columns);
        this.key = key;
        table = new Table(parent, SWT.VIRTUAL | SWT.FULL_SELECTION | SWT.MULTI);
        table.setHeaderVisible(true);
        for (int i = 0; i < columns.size(); i++) {
            addColumn(i);
        }
        // Not asked for at each reading: the answer would come from the display server, as that to getClientArea would.
        table.addListener(SWT.MouseEnter, e -> pointed = true);
        table.addListener(SWT.MouseExit, e -> pointed = false);
        table.addListener(SWT.SetData, e -> fill((TableItem) e.item, e.index));
        table.addListener(SWT.Selection, e -> {
            kept = null;
            if (table.getSelectionIndex() >= 0 && table.getSelectionIndex() < rows.shown().size()) {
                R row = rows.shown().get(table.getSelectionIndex());
                onSelection.forEach(l -> l.accept(row));
            }
        });
    }

    private void addColumn(int index) {
        Column<R> column = columns.get(index);
        boolean right = column.kind() == Column.Kind.NUMBER || column.kind() == Column.Kind.HEX;
        TableColumn header = new TableColumn(table, right ? SWT.RIGHT : SWT.LEFT);
        header.setText(column.title());
        header.setWidth(column.width());
        header.setMoveable(true);
        header.addListener(SWT.Selection, e -> {
            if (sortColumn != index) {
                sortColumn = index;
                descending = false;
            } else if (!descending) {
                descending = true;
            } else {
                sortColumn = -1;
            }
            showSorting();
            onArrangement.run();
        });
    }

    private void showSorting() {
        table.setSortColumn(sortColumn < 0 ? null : table.getColumn(sortColumn));
        table.setSortDirection(sortColumn < 0 ? SWT.NONE : descending ? SWT.DOWN : SWT.UP);
    }

    /** The widget. */
    public Table control() {
        return table;
    }

    /** What is shown. */
    public Rows<R> rows() {
        return rows;
    }

    /** Rows that are drawn with less weight, because they were not read consistently. */
    public LiveTable<R> dim(Predicate<R> which) {
        dimmed = which;
        return this;
    }

    /** {@code listener} hears when the user sorts differently, so that rows have to be arranged anew. */
    public void onArrangement(Runnable listener) {
        onArrangement = listener;
    }

    /** {@code listener} hears which row the user selects. */
    public void onSelection(Consumer<R> listener) {
        onSelection.add(listener);
    }

    /** What the user set, with a filter. */
    public Arrangement<R> arrangement(String filter) {
        return new Arrangement<>(columns, key, filter, sortColumn, descending, pointed && sortColumn >= 0 ? rows.shown().stream().map(key).toList() : null);
    }

    /** Shows rows that were arranged as {@link #arrangement} said. */
    public void show(Rows<R> next) {
        List<Object> selected = new ArrayList<>();
        for (int index : table.getSelectionIndices()) {
            if (index < rows.shown().size()) {
                selected.add(key.apply(rows.shown().get(index)));
            }
        }
        Rows<R> before = rows;
        rows = next;
        int count = next.shown().size();
        boolean grown = table.getItemCount() != count;
        if (grown) {
            table.setItemCount(count);
            filled.clear(count, Math.max(count, filled.length()));
        }
        int top = table.getTopIndex();
        int visible = table.getSize().y / Math.max(1, table.getItemHeight()) + 2;
        for (int i = filled.nextSetBit(0); i >= 0; i = filled.nextSetBit(i + 1)) {
            if (i < top || i > top + visible) {
                table.clear(i);
                filled.clear(i);
            } else if (i >= before.shown().size() || before.shown().get(i) != next.shown().get(i)) {
                fill(table.getItem(i), i);
            }
        }
        reselect(selected);
        if (kept != null && count > 0 && selected.isEmpty()) {
            String wanted = kept;
            if (select(r -> key.apply(r).toString().equals(wanted)) || --keptTries == 0) {
                kept = null;
            }
        }
    }

    private void reselect(List<Object> selected) {
        if (selected.isEmpty()) {
            return;
        }
        boolean same = true;
        int[] indices = table.getSelectionIndices();
        for (int i = 0; i < indices.length && same; i++) {
            same = indices[i] < rows.shown().size() && key.apply(rows.shown().get(indices[i])).equals(selected.get(i));
        }
        if (same && indices.length == selected.size()) {
            return;
        }
        Map<Object, Integer> places = new HashMap<>();
        for (int i = 0; i < rows.shown().size(); i++) {
            places.put(key.apply(rows.shown().get(i)), i);
        }
        table.deselectAll();
        table.select(selected.stream().map(places::get).filter(Objects::nonNull).mapToInt(Integer::intValue).toArray());
    }

    private void fill(TableItem item, int index) {
        if (index < 0 || index >= rows.shown().size()) {
            return;
        }
        filled.set(index);
        R row = rows.shown().get(index);
        for (int i = 0; i < columns.size(); i++) {
            Column<R> column = columns.get(i);
            String text = column.text().apply(row);
            if (!text.equals(item.getText(i))) {
                item.setText(i, text);
            }
            if ((column.kind() == Column.Kind.HEX || column.kind() == Column.Kind.LETTERS) && !JFaceResources.getTextFont().equals(item.getFont(i))) {
                item.setFont(i, JFaceResources.getTextFont());
            }
        }
        Color colour = dimmed.test(row) ? new Color(Theme.of(table).dim()) : null;
        if (colour != null || !item.getForeground().equals(table.getForeground())) {
            item.setForeground(colour);
        }
    }

    /** Selects the first row that passes, and scrolls to it; tells nobody. */
    public boolean select(Predicate<R> which) {
        for (int i = 0; i < rows.shown().size(); i++) {
            if (which.test(rows.shown().get(i))) {
                if (table.getSelectionIndex() != i) {
                    table.setSelection(i);
                }
                return true;
            }
        }
        return false;
    }

    /** The first selected row, or null. */
    public R selected() {
        int index = table.getSelectionIndex();
        return index >= 0 && index < rows.shown().size() ? rows.shown().get(index) : null;
    }

    private List<R> selectedOrAll() {
        List<R> chosen = new ArrayList<>();
        for (int index : table.getSelectionIndices()) {
            if (index < rows.shown().size()) {
                chosen.add(rows.shown().get(index));
            }
        }
        return chosen.isEmpty() ? rows.shown() : chosen;
    }

    /** Copies the selected rows, or all, as text with tabs. */
    public void copy() {
        Clipboard clipboard = new Clipboard(table.getDisplay());
        clipboard.setContents(new Object[] {TableText.tabbed(columns, selectedOrAll())}, new Transfer[] {TextTransfer.getInstance()});
        clipboard.dispose();
    }

    /** All rows as CSV. */
    public String csv() {
        return TableText.csv(columns, rows.shown());
    }

    /** All rows as JSON. */
    public String json() {
        return TableText.json(columns, rows.shown());
    }

    /** Keeps sorting, the columns' widths and order, and which row is selected. */
    public void save(IMemento memento, String id) {
        IMemento mine = memento.createChild(id);
        if (selected() != null || kept != null) {
            mine.putString("selected", selected() == null ? kept : key.apply(selected()).toString());
        }
        mine.putInteger("sort", sortColumn);
        mine.putBoolean("descending", descending);
        for (int i = 0; i < columns.size(); i++) {
            mine.putInteger("width" + i, table.getColumn(i).getWidth());
            mine.putInteger("place" + i, table.getColumnOrder()[i]);
        }
    }

    /** Brings back what was kept. */
    public void restore(IMemento memento, String id) {
        IMemento mine = memento == null ? null : memento.getChild(id);
        if (mine == null) {
            return;
        }
        sortColumn = Math.min(columns.size() - 1, Objects.requireNonNullElse(mine.getInteger("sort"), -1));
        descending = Boolean.TRUE.equals(mine.getBoolean("descending"));
        kept = mine.getString("selected");
        keptTries = TRIES_TO_SELECT;
        int[] order = table.getColumnOrder();
        for (int i = 0; i < columns.size(); i++) {
            Integer width = mine.getInteger("width" + i);
            if (width != null && width > 8) {
                table.getColumn(i).setWidth(width);
            }
            order[i] = Objects.requireNonNullElse(mine.getInteger("place" + i), i);
        }
        try {
            table.setColumnOrder(order);
        } catch (IllegalArgumentException otherColumns) {
            // Kept by a version with other columns.
        }
        showSorting();
    }
}
