package org.veridianos.views.ui.memory;

import java.util.List;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.CTabFolder;
import org.eclipse.swt.custom.CTabItem;
import org.eclipse.swt.custom.SashForm;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.ui.IMemento;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.PhysicalMemory;
import org.veridianos.inspect.model.ReservedRange;
import org.veridianos.inspect.model.SlabClass;
import org.veridianos.inspect.model.Zone;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.model.Rows;
import org.veridianos.views.ui.widget.CellCanvas;
import org.veridianos.views.ui.widget.LiveTable;

/** The Physical Memory view: the zones as a picture, and tables of object caches, zones and reserved ranges. */
public final class MemoryView extends LiveView<MemoryView.Model> {

    /** The view's id. */
    public static final String ID = "org.veridianos.views.ui.memory";

    private static final int FRAME = 4096;

    private SashForm down;
    private ZonesCanvas map;
    private CTabFolder tabs;
    private LiveTable<SlabClass> slabs;
    private LiveTable<Zone> zones;
    private LiveTable<ReservedRange> reserved;

    /**
     * What is shown.
     *
     * @param memory   everything; null when the kernel does not tell
     * @param slabs    caches
     * @param zones    zones
     * @param reserved reserved ranges
     */
    public record Model(PhysicalMemory memory, Rows<SlabClass> slabs, Rows<Zone> zones, Rows<ReservedRange> reserved) {
    }

    @Override
    protected Control createContent(Composite parent) {
        down = new SashForm(parent, SWT.VERTICAL);
        map = new ZonesCanvas(down);
        tabs = new CTabFolder(down, SWT.BOTTOM | SWT.FLAT);
        slabs = new LiveTable<>(tabs, List.of(Column.text(Messages.Memory_slab, 130, SlabClass::name),
                Column.measure(Messages.Memory_objectSize, 80, SlabClass::size, s -> Numbers.size(s.size())), Column.number(Messages.Memory_used, 80, SlabClass::used),
                Column.number(Messages.Memory_cached, 70, SlabClass::cached), Column.number(Messages.Memory_slabs, 60, SlabClass::slabs),
                Column.number(Messages.Memory_slots, 80, s -> s.slabs() * s.slots()),
                Column.measure(Messages.Memory_bytes, 90, SlabClass::bytes, s -> Numbers.size(s.bytes()))), SlabClass::name);
        slabs.dim(s -> !s.consistency().consistent());
        zones = new LiveTable<>(tabs, List.of(Column.number(Messages.Memory_node, 50, z -> (long) z.node()), Column.text(Messages.Memory_zoneName, 90, Zone::name),
                Column.measure(Messages.Memory_total, 90, z -> z.total() * FRAME, z -> Numbers.size(z.total() * FRAME)),
                Column.measure(Messages.Memory_free, 90, z -> z.free() * FRAME, z -> Numbers.size(z.free() * FRAME)),
                Column.measure(Messages.Memory_fragmentation, 110, z -> Math.round(z.fragmentation() * 100), z -> Math.round(z.fragmentation() * 100) + " %"),
                Column.text(Messages.Memory_chunks, 260, z -> z.chunks().toString())), Zone::index);
        zones.dim(z -> !z.consistency().consistent());
        reserved = new LiveTable<>(tabs, List.of(Column.hex(Messages.Memory_start, 130, ReservedRange::start),
                Column.measure(Messages.Memory_bytes, 90, r -> r.end() - r.start(), r -> Numbers.size(r.end() - r.start())),
                Column.text(Messages.Memory_holder, 160, ReservedRange::name)), ReservedRange::start);
        slabs.onSelection(slab -> select(0, 0, 0, "SlabCache"));
        zones.onSelection(zone -> select(0, 0, 0, "Zone"));
        reserved.onSelection(range -> select(0, 0, 0, "Reserved"));
        for (LiveTable<?> each : List.of(slabs, zones, reserved)) {
            each.onArrangement(this::refresh);
            each.control().addListener(SWT.KeyDown, e -> {
                if ((e.stateMask & SWT.MODIFIER_MASK) == 0 && e.character == 't') {
                    map.setFocus();
                    e.doit = false;
                }
            });
        }
        map.addListener(SWT.KeyDown, e -> {
            if ((e.stateMask & SWT.MODIFIER_MASK) == 0 && e.character == 't') {
                tabs.setSelection(1);
                zones.control().setFocus();
                e.doit = false;
            }
        });
        item(Messages.Memory_slabsTab, slabs.control());
        item(Messages.Memory_zonesTab, zones.control());
        item(Messages.Memory_reservedTab, reserved.control());
        tabs.setSelection(0);
        down.setWeights(400, 600);
        return down;
    }

    private void item(String text, Control control) {
        CTabItem item = new CTabItem(tabs, SWT.NONE);
        item.setText(text);
        item.setControl(control);
    }

    @Override
    protected Reading<Model> reading() {
        Arrangement<SlabClass> some = slabs.arrangement(filterText());
        Arrangement<Zone> zoneRows = zones.arrangement(filterText());
        Arrangement<ReservedRange> ranges = reserved.arrangement(filterText());
        return new Reading<>(Request.of(Part.MEMORY), (snapshot, memory, previous) -> snapshot.memory()
                .map(m -> new Model(m, some.apply(m.slabs()), zoneRows.apply(m.zones().stream().filter(z -> z.total() > 0).toList()), ranges.apply(m.reserved())))
                .orElse(new Model(null, Rows.none(), Rows.none(), Rows.none())));
    }

    @Override
    protected void show(Snapshot shown, Model model) {
        map.show(model.memory());
        slabs.show(model.slabs());
        zones.show(model.zones());
        reserved.show(model.reserved());
    }

    @Override
    public LiveTable<?> table() {
        return List.of(slabs, zones, reserved).get(Math.max(0, tabs.getSelectionIndex()));
    }

    @Override
    public CellCanvas canvas() {
        return map;
    }

    @Override
    protected void save(IMemento into) {
        slabs.save(into, "slabs");
        zones.save(into, "zones");
        reserved.save(into, "reserved");
        into.putInteger("tab", tabs.getSelectionIndex());
        into.putInteger("down", down.getWeights()[0]);
    }

    @Override
    protected void restore(IMemento from) {
        slabs.restore(from, "slabs");
        zones.restore(from, "zones");
        reserved.restore(from, "reserved");
        Integer first = from == null ? null : from.getInteger("down");
        if (first != null && first > 0 && first < 1000) {
            down.setWeights(first, 1000 - first);
        }
        Integer tab = from == null ? null : from.getInteger("tab");
        tabs.setSelection(tab == null ? 0 : Math.clamp(tab, 0, 2));
    }
}
