package org.veridianos.views.ui.pages;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.CTabFolder;
import org.eclipse.swt.custom.CTabItem;
import org.eclipse.swt.custom.SashForm;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Event;
import org.eclipse.ui.IMemento;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.model.PageModel;
import org.veridianos.views.ui.model.PageModel.Entry;
import org.veridianos.views.ui.model.PageModel.Mapped;
import org.veridianos.views.ui.model.PageModel.Space;
import org.veridianos.views.ui.model.Subject;
import org.veridianos.views.ui.widget.CellCanvas;
import org.veridianos.views.ui.widget.LiveTable;

/**
 * The Page Tables view: the list of address spaces, and of the selected one the map, the ranges and the tables. T goes from
 * the map to the list below it and back.
 */
public final class PageTablesView extends LiveView<PageModel> {

    /** The view's id. */
    public static final String ID = "org.veridianos.views.ui.pageTables";

    private static final String[] LEVEL_INDENT = {"            ", "        ", "    ", ""};

    private SashForm across;
    private SashForm down;
    private CTabFolder tabs;
    private LiveTable<Space> spaces;
    private LiveTable<Mapped> ranges;
    private LiveTable<Entry> entries;
    private LevelsCanvas map;
    private final Set<Object> open = new HashSet<>();
    private boolean chosen;
    private long wanted;
    private int wantedPid;

    @Override
    protected Control createContent(Composite parent) {
        across = new SashForm(parent, SWT.HORIZONTAL);
        spaces = new LiveTable<>(across, List.of(Column.text(Messages.Pages_space, 150, Space::owner)), s -> s.address());
        spaces.onArrangement(this::refresh);
        spaces.onSelection(s -> {
            choose(s.address());
            select(s.pid(), 0, 0, "AddressSpace");
        });
        down = new SashForm(across, SWT.VERTICAL);
        map = new LevelsCanvas(down);
        tabs = new CTabFolder(down, SWT.BOTTOM | SWT.FLAT);
        createRanges();
        createEntries();
        tabs.setSelection(0);
        map.addListener(SWT.KeyDown, e -> swap(e, null));
        ranges.control().addListener(SWT.KeyDown, e -> swap(e, map));
        entries.control().addListener(SWT.KeyDown, e -> swap(e, map));
        down.setWeights(430, 570);
        across.setWeights(220, 780);
        return across;
    }

    private void createRanges() {
        ranges = new LiveTable<>(tabs, List.of(Column.hex(Messages.Pages_start, 154, m -> m.range().start()),
                Column.measure(Messages.Pages_size, 70, m -> m.range().size(), m -> Numbers.size(m.range().size())),
                Column.letters(Messages.Pages_allows, 66, m -> PageModel.letters(m.range().permissions()) + (m.isFinding() ? " \u26a0" : "")),
                Column.text(Messages.Pages_pageSize, 58, m -> Numbers.size(PageFormat.size(m.range().level()))), Column.text(Messages.Pages_plan, 82, Mapped::plan),
                Column.hex(Messages.Pages_physical, 110, m -> m.range().physical()),
                Column.number(Messages.Pages_accessedCount, 70, m -> m.range().accessed()), Column.number(Messages.Pages_dirtyCount, 60, m -> m.range().dirty())),
                m -> m.range().start());
        ranges.onArrangement(this::refresh);
        ranges.onSelection(m -> map.reveal(m.range().start(), m.range().level()));
        item(Messages.Pages_ranges, ranges.control());
    }

    private void createEntries() {
        entries = new LiveTable<>(tabs, List.of(
                Column.letters(Messages.Pages_entry, 150, e -> LEVEL_INDENT[e.level()] + (e.leaf() ? "  " : e.open() ? "\u25be " : "\u25b8 ") + String.format("%03x", e.index())),
                Column.hex(Messages.Pages_start, 154, Entry::virtual),
                Column.text(Messages.Pages_what, 130, e -> !e.problem().isEmpty() ? e.problem()
                        : e.leaf() ? Numbers.size(PageFormat.size(e.level())) : Messages.bind(Messages.Pages_tableOf, Integer.toString(e.used()))),
                Column.letters(Messages.Pages_allows, 66, e -> PageModel.letters(e.permissions())), Column.hex(Messages.Pages_physical, 110, Entry::physical),
                Column.hex(Messages.Pages_raw, 154, Entry::raw)), Entry::key);
        entries.onArrangement(this::refresh);
        entries.onSelection(e -> map.reveal(e.virtual(), e.level()));
        entries.control().addListener(SWT.DefaultSelection, e -> toggle(entries.selected(), null));
        entries.control().addListener(SWT.KeyDown, e -> {
            if (e.keyCode == SWT.ARROW_RIGHT || e.keyCode == SWT.ARROW_LEFT) {
                toggle(entries.selected(), e.keyCode == SWT.ARROW_RIGHT);
                e.doit = false;
            }
        });
        item(Messages.Pages_tables, entries.control());
    }

    private void item(String text, Control control) {
        CTabItem item = new CTabItem(tabs, SWT.NONE);
        item.setText(text);
        item.setControl(control);
    }

    /** Opens or closes the table that an entry leads to; null turns it round. */
    private void toggle(Entry entry, Boolean show) {
        if (entry == null || entry.leaf()) {
            return;
        }
        boolean want = show == null ? !open.contains(entry.key()) : show;
        if (want ? open.add(entry.key()) : open.remove(entry.key())) {
            refresh();
        }
    }

    private void swap(Event e, Control other) {
        if ((e.stateMask & SWT.MODIFIER_MASK) == 0 && e.character == 't') {
            (other == null ? tabs.getSelection().getControl() : other).setFocus();
            e.doit = false;
        }
    }

    private void choose(long address) {
        if (!chosen || wanted != address) {
            chosen = true;
            wanted = address;
            open.clear();
            refresh();
        }
    }

    @Override
    protected Reading<PageModel> reading() {
        Arrangement<Space> list = spaces.arrangement("");
        Arrangement<Mapped> rangeRows = ranges.arrangement(filterText());
        Arrangement<Entry> entryRows = entries.arrangement(filterText());
        Set<Object> opened = Set.copyOf(open);
        long address = wanted;
        return new Reading<>(Request.of(Part.PAGE_TABLES).withAddressSpaces(Set.of(address)),
                (snapshot, previous) -> PageModel.of(snapshot, address, opened, list, rangeRows, entryRows));
    }

    @Override
    protected void show(Snapshot shown, PageModel model) {
        spaces.show(model.spaces());
        List<Space> known = model.spaces().shown();
        if (wantedPid != 0) {
            known.stream().filter(s -> s.pid() == wantedPid).findFirst().ifPresent(s -> choose(s.address()));
            wantedPid = 0;
        } else if (known.stream().noneMatch(s -> s.address() == wanted) || !chosen && known.size() > 1) {
            choose(known.get(Math.min(1, known.size() - 1)).address());
        }
        spaces.select(s -> s.address() == wanted);
        if (model.selected() != null && model.selected().addressSpace() != wanted) {
            return;
        }
        map.show(model);
        ranges.show(model.ranges());
        entries.show(model.entries());
    }

    /** The list of address spaces. */
    public LiveTable<Space> spaces() {
        return spaces;
    }

    /** Whether the tables' entries are shown below the map instead of the ranges. */
    public boolean areTablesShown() {
        return tabs.getSelectionIndex() == 1;
    }

    @Override
    public LiveTable<?> table() {
        return areTablesShown() ? entries : ranges;
    }

    @Override
    public CellCanvas canvas() {
        return map;
    }

    @Override
    protected void focusContent() {
        spaces.control().setFocus();
    }

    @Override
    protected void follow(Subject subject) {
        if (subject.pid() != 0) {
            wantedPid = subject.pid();
            refresh();
        }
    }

    @Override
    protected void save(IMemento into) {
        into.putInteger("across", across.getWeights()[0]);
        into.putInteger("down", down.getWeights()[0]);
        into.putInteger("tab", tabs.getSelectionIndex());
        ranges.save(into, "ranges");
        entries.save(into, "entries");
    }

    @Override
    protected void restore(IMemento from) {
        if (from == null) {
            return;
        }
        ranges.restore(from, "ranges");
        entries.restore(from, "entries");
        weigh(across, from.getInteger("across"));
        weigh(down, from.getInteger("down"));
        if (from.getInteger("tab") != null) {
            tabs.setSelection(from.getInteger("tab") == 1 ? 1 : 0);
        }
    }

    private static void weigh(SashForm sash, Integer first) {
        if (first != null && first > 0 && first < 1000) {
            sash.setWeights(first, 1000 - first);
        }
    }
}
