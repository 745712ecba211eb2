package org.veridianos.views.ui.capabilities;

import java.util.List;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.SashForm;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.ui.IMemento;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.SpaceModel;
import org.veridianos.views.ui.model.Subject;
import org.veridianos.views.ui.widget.CellCanvas;
import org.veridianos.views.ui.widget.LiveTable;

/**
 * The Capability Spaces view: the list of spaces, and of the selected one the occupancy map and the table of its
 * capabilities. The filter is for the table; T goes from the map to the table and back.
 */
public final class CapabilitySpacesView extends LiveView<SpaceModel> {

    /** The view's id. */
    public static final String ID = "org.veridianos.views.ui.capabilities";

    private SashForm across;
    private SashForm down;
    private LiveTable<CapabilitySpace> spaces;
    private LiveTable<SpaceModel.Entry> table;
    private OccupancyCanvas map;
    private long wanted;
    private int wantedPid;

    @Override
    protected Control createContent(Composite parent) {
        across = new SashForm(parent, SWT.HORIZONTAL);
        spaces = new LiveTable<>(across, List.of(Column.text(Messages.Capabilities_holder, 110, s -> s.holder().name()),
                Column.number(Messages.Capabilities_count, 44, s -> (long) s.capabilities().size())), CapabilitySpace::address);
        spaces.dim(s -> !s.consistency().consistent());
        spaces.onArrangement(this::refresh);
        spaces.onSelection(s -> {
            wanted = s.address();
            select(s.pid(), 0, s.holder().address(), "Space");
            refresh();
        });
        down = new SashForm(across, SWT.VERTICAL);
        map = new OccupancyCanvas(down);
        table = new LiveTable<>(down, List.of(Column.hex(Messages.Capabilities_token, 92, e -> e.capability().token()),
                Column.text(Messages.Capabilities_object, 150, SpaceModel.Entry::object), Column.text(Messages.Capabilities_kind, 96, e -> e.capability().kind()),
                Column.letters(Messages.Capabilities_rights, 66, SpaceModel.Entry::rights),
                Column.number(Messages.Capabilities_generation, 44, e -> (long) e.capability().generation()),
                Column.hex(Messages.Capabilities_badge, 70, e -> e.capability().badge()), Column.text(Messages.Capabilities_policy, 110, e -> e.capability().policy())),
                e -> e.capability().slot());
        table.dim(e -> !e.capability().isConsistent());
        table.onArrangement(this::refresh);
        table.onSelection(e -> {
            map.focusSlot(e.capability().index());
            select(model().selected().pid(), 0, e.capability().object(), e.capability().kind());
        });
        map.onFocus(cell -> {
            Capability capability = map.capability(cell);
            if (capability != null) {
                table.select(e -> e.capability().slot() == capability.slot());
                table.control().showSelection();
            }
        });
        map.addListener(SWT.KeyDown, e -> swap(e, table.control()));
        table.control().addListener(SWT.KeyDown, e -> swap(e, map));
        down.setWeights(300, 700);
        across.setWeights(270, 730);
        return across;
    }

    private static void swap(org.eclipse.swt.widgets.Event e, Control other) {
        if ((e.stateMask & SWT.MODIFIER_MASK) == 0 && e.character == 't') {
            other.setFocus();
            e.doit = false;
        }
    }

    @Override
    protected Reading<SpaceModel> reading() {
        Arrangement<CapabilitySpace> some = spaces.arrangement("");
        Arrangement<SpaceModel.Entry> entries = table.arrangement(filterText());
        long address = wanted;
        int pid = wantedPid;
        return new Reading<>(Request.of(Part.CAPABILITIES), (snapshot, previous) -> {
            long chosen = pid == 0 ? address
                    : snapshot.capabilitySpaces().stream().filter(s -> s.pid() == pid).mapToLong(CapabilitySpace::address).findFirst().orElse(address);
            return SpaceModel.of(snapshot, chosen, some, entries);
        });
    }

    @Override
    protected void show(Snapshot shown, SpaceModel model) {
        spaces.show(model.spaces());
        if (model.selected() != null) {
            wanted = model.selected().address();
            wantedPid = 0;
            spaces.select(s -> s.address() == wanted);
        }
        map.show(model);
        table.show(model.table());
    }

    /** The list of spaces. */
    public LiveTable<CapabilitySpace> spaces() {
        return spaces;
    }

    @Override
    public LiveTable<SpaceModel.Entry> table() {
        return table;
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
        spaces.save(into, "spaces");
        table.save(into, "capabilities");
        into.putInteger("across", across.getWeights()[0]);
        into.putInteger("down", down.getWeights()[0]);
    }

    @Override
    protected void restore(IMemento from) {
        spaces.restore(from, "spaces");
        table.restore(from, "capabilities");
        weigh(across, from, "across");
        weigh(down, from, "down");
    }

    private static void weigh(SashForm sash, IMemento from, String key) {
        Integer first = from == null ? null : from.getInteger(key);
        if (first != null && first > 0 && first < 1000) {
            sash.setWeights(first, 1000 - first);
        }
    }
}
