package org.veridianos.views.ui.pages;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import org.eclipse.swt.SWT;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.ui.IMemento;
import org.veridianos.inspect.analysis.FrameMap.Mapping;
import org.veridianos.inspect.analysis.FrameMap.Use;
import org.veridianos.inspect.analysis.PageFindings;
import org.veridianos.inspect.analysis.PageFindings.Finding;
import org.veridianos.inspect.analysis.SnapshotDiff.MappingChange;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.Permissions;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.model.PageModel;
import org.veridianos.views.ui.model.PageModel.Entry;
import org.veridianos.views.ui.model.PageModel.Mapped;
import org.veridianos.views.ui.model.PageModel.Space;
import org.veridianos.views.ui.model.PageModel.Tab;
import org.veridianos.views.ui.widget.LiveTable;

/** The lists below the map, one for each tab. A row that is selected leads to its place in the map. */
final class PageLists {

    private static final String[] LEVEL_INDENT = {"            ", "        ", "    ", ""};
    private static final int MOST_NAMED = 4;

    /** Hears which place the user points at. */
    @FunctionalInterface
    interface Place {
        /** @param space address of the address space; null for the one that is shown */
        void show(Long space, long virtual, int level);
    }

    private final LiveTable<Mapped> ranges;
    private final LiveTable<Entry> entries;
    private final LiveTable<Use> frames;
    private final LiveTable<Finding> findings;
    private final LiveTable<MappingChange> changes;
    private final Map<Tab, LiveTable<?>> all = new EnumMap<>(Tab.class);

    PageLists(Composite parent) {
        ranges = new LiveTable<>(parent, List.of(Column.hex(Messages.Pages_start, 170, m -> m.range().start()),
                Column.measure(Messages.Pages_size, 70, m -> m.range().size(), m -> Numbers.size(m.range().size())),
                Column.letters(Messages.Pages_allows, 66, m -> PageModel.letters(m.range().permissions()) + (m.isFinding() ? " \u26a0" : "")),
                Column.text(Messages.Pages_pageSize, 58, m -> Numbers.size(PageFormat.size(m.range().level()))), Column.text(Messages.Pages_plan, 82, Mapped::plan),
                Column.hex(Messages.Pages_physical, 110, m -> m.range().physical()),
                Column.number(Messages.Pages_accessedCount, 70, m -> m.range().accessed()), Column.number(Messages.Pages_dirtyCount, 60, m -> m.range().dirty())),
                m -> m.range().start());
        entries = new LiveTable<>(parent, List.of(
                Column.letters(Messages.Pages_entry, 150, e -> LEVEL_INDENT[e.level()] + (e.leaf() ? "  " : e.open() ? "\u25be " : "\u25b8 ") + String.format("%03x", e.index())),
                Column.hex(Messages.Pages_start, 170, Entry::virtual), Column.text(Messages.Pages_what, 130, PageLists::what),
                Column.letters(Messages.Pages_allows, 66, e -> PageModel.letters(e.permissions())), Column.hex(Messages.Pages_physical, 110, Entry::physical),
                Column.hex(Messages.Pages_raw, 170, Entry::raw)), Entry::key);
        frames = new LiveTable<>(parent, List.of(Column.hex(Messages.Pages_physical, 110, Use::start),
                Column.measure(Messages.Pages_size, 70, Use::size, u -> Numbers.size(u.size())), Column.text(Messages.Pages_use, 82, Use::state),
                Column.number(Messages.Pages_times, 60, u -> (long) u.mappings().size()), Column.text(Messages.Pages_mappedBy, 320, PageLists::who)), Use::start);
        findings = new LiveTable<>(parent, List.of(Column.text(Messages.Pages_mistake, 150, f -> words(f.kind())), Column.text(Messages.Pages_space, 110, Finding::owner),
                Column.hex(Messages.Pages_start, 170, Finding::start), Column.hex(Messages.Pages_physical, 110, Finding::physical),
                Column.text(Messages.Pages_words, 360, Finding::text)), f -> f.kind() + ":" + f.space() + ":" + f.start());
        changes = new LiveTable<>(parent, List.of(Column.text(Messages.Pages_change, 84, PageLists::what), Column.hex(Messages.Pages_start, 170, MappingChange::start),
                Column.measure(Messages.Pages_size, 70, c -> c.end() - c.start(), c -> Numbers.size(c.end() - c.start())),
                Column.letters(Messages.Pages_before, 66, c -> letters(c.before())), Column.letters(Messages.Pages_after, 66, c -> letters(c.after()))), MappingChange::start);
        all.put(Tab.RANGES, ranges);
        all.put(Tab.TABLES, entries);
        all.put(Tab.FRAMES, frames);
        all.put(Tab.FINDINGS, findings);
        all.put(Tab.CHANGES, changes);
    }

    static String title(Tab tab) {
        return switch (tab) {
            case RANGES -> Messages.Pages_ranges;
            case TABLES -> Messages.Pages_tables;
            case FRAMES -> Messages.Pages_frames;
            case FINDINGS -> Messages.Pages_findings;
            case CHANGES -> Messages.Pages_changes;
        };
    }

    private static String what(Entry e) {
        return !e.problem().isEmpty() ? e.problem() : e.leaf() ? Numbers.size(PageFormat.size(e.level())) : Messages.bind(Messages.Pages_tableOf, Integer.toString(e.used()));
    }

    private static String what(MappingChange change) {
        return switch (change.what()) {
            case ADDED -> Messages.Pages_added;
            case GONE -> Messages.Pages_gone;
            case WRITTEN -> Messages.Pages_written;
            case ACCESSED -> Messages.Pages_used;
            case CLEARED -> Messages.Pages_cleared;
            case CHANGED -> change.before().equals(change.after()) ? Messages.Pages_otherFrame : Messages.Pages_changed;
        };
    }

    private static String letters(Permissions permissions) {
        return permissions == null ? "" : PageModel.letters(permissions);
    }

    private static String who(Use use) {
        String some = use.mappings().stream().limit(MOST_NAMED).map(PageLists::who).collect(Collectors.joining(", "));
        return use.mappings().size() > MOST_NAMED ? some + ", \u2026" : some;
    }

    private static String who(Mapping mapping) {
        return mapping.owner() + " " + Numbers.hex(mapping.virtual());
    }

    private static String words(PageFindings.Kind kind) {
        return switch (kind) {
            case WRITE_EXECUTE -> Messages.Pages_writeExecute;
            case USER_KERNEL -> Messages.Pages_userKernel;
            case MAPPED_FREE -> Messages.Pages_mappedFree;
            case TWO_OWNERS -> Messages.Pages_twoOwners;
            case OTHER_ROOT -> Messages.Pages_otherRoot;
        };
    }

    LiveTable<?> of(Tab tab) {
        return all.get(tab);
    }

    void onPlace(Place place) {
        ranges.onSelection(m -> place.show(null, m.range().start(), m.range().level()));
        entries.onSelection(e -> place.show(null, e.virtual(), e.level()));
        frames.onSelection(u -> place.show(u.mappings().get(0).space(), u.mappings().get(0).virtual(), 0));
        findings.onSelection(f -> {
            if (f.kind() != PageFindings.Kind.OTHER_ROOT) {
                place.show(f.space(), f.start(), 0);
            }
        });
        changes.onSelection(c -> place.show(c.space().addressSpace(), c.start(), 0));
    }

    /** {@code toggle} hears which entry is to be opened (true), closed (false) or turned round (null). */
    void onToggle(BiConsumer<Entry, Boolean> toggle) {
        entries.control().addListener(SWT.DefaultSelection, e -> toggle.accept(entries.selected(), null));
        entries.control().addListener(SWT.KeyDown, e -> {
            if (e.keyCode == SWT.ARROW_RIGHT || e.keyCode == SWT.ARROW_LEFT) {
                toggle.accept(entries.selected(), e.keyCode == SWT.ARROW_RIGHT);
                e.doit = false;
            }
        });
    }

    /** First address of the selected row of a list; null without one. */
    Long selectedAddress(Tab tab) {
        return switch (tab) {
            case RANGES -> ranges.selected() == null ? null : (Long) ranges.selected().range().start();
            case TABLES -> entries.selected() == null ? null : (Long) entries.selected().virtual();
            case FRAMES -> frames.selected() == null ? null : (Long) frames.selected().mappings().get(0).virtual();
            case FINDINGS -> findings.selected() == null ? null : (Long) findings.selected().start();
            case CHANGES -> changes.selected() == null ? null : (Long) changes.selected().start();
        };
    }

    PageModel.Arrangements arrangements(Arrangement<Space> spaces, String filter) {
        return new PageModel.Arrangements(spaces, ranges.arrangement(filter), entries.arrangement(filter), frames.arrangement(filter), findings.arrangement(filter),
                changes.arrangement(filter));
    }

    void show(Tab tab, PageModel model) {
        switch (tab) {
            case RANGES -> ranges.show(model.ranges());
            case TABLES -> entries.show(model.entries());
            case FRAMES -> frames.show(model.frames());
            case FINDINGS -> findings.show(model.findings());
            case CHANGES -> changes.show(model.changes());
        }
    }

    void save(IMemento into) {
        all.forEach((tab, list) -> list.save(into, tab.name().toLowerCase(java.util.Locale.ROOT)));
    }

    void restore(IMemento from) {
        all.forEach((tab, list) -> list.restore(from, tab.name().toLowerCase(java.util.Locale.ROOT)));
    }
}
