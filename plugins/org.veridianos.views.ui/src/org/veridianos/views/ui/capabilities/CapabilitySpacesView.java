package org.veridianos.views.ui.capabilities;

import java.util.List;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.ui.IMemento;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.live.SpacesView;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.SpaceModel;
import org.veridianos.views.ui.widget.CellCanvas;
import org.veridianos.views.ui.widget.LiveTable;

/**
 * The Capability Spaces view: the list of spaces, and of the selected one the occupancy map and the table of its
 * capabilities. The filter is for the table; T goes from the map to the table and back.
 */
public final class CapabilitySpacesView extends SpacesView<SpaceModel, CapabilitySpace> {

    /** The view's id. */
    public static final String ID = "org.veridianos.views.ui.capabilities";

    private LiveTable<SpaceModel.Entry> table;
    private OccupancyCanvas map;
    private long wanted;

    @Override
    protected int[] firstWeights() {
        return new int[] {270, 300};
    }

    @Override
    protected LiveTable<CapabilitySpace> createSpaces(Composite parent) {
        LiveTable<CapabilitySpace> spaces = new LiveTable<>(parent, List.of(Column.text(Messages.Capabilities_holder, 110, s -> s.holder().name()),
                Column.number(Messages.Capabilities_count, 44, s -> (long) s.capabilities().size())), CapabilitySpace::address);
        spaces.dim(s -> !s.consistency().consistent());
        spaces.onSelection(s -> {
            forgetKeptSpace();
            wanted = s.address();
            select(s.pid(), 0, s.holder().address(), "Space");
            refresh();
        });
        return spaces;
    }

    @Override
    protected CellCanvas createMap(Composite parent) {
        map = new OccupancyCanvas(parent);
        map.onFocus(cell -> {
            Capability capability = map.capability(cell);
            if (capability != null) {
                table.select(e -> e.capability().slot() == capability.slot());
                table.control().showSelection();
            }
        });
        return map;
    }

    @Override
    protected Control createDetails(Composite parent) {
        table = new LiveTable<>(parent, List.of(Column.hex(Messages.Capabilities_token, 92, e -> e.capability().token()),
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
        swapBack(table);
        return table.control();
    }

    @Override
    protected Reading<SpaceModel> reading() {
        Arrangement<CapabilitySpace> some = spaces().arrangement("");
        Arrangement<SpaceModel.Entry> entries = table.arrangement(filterText());
        long address = wanted;
        int pid = wantedPid();
        String kept = keptSpace();
        return new Reading<>(Request.of(Part.CAPABILITIES), (snapshot, memory, previous) -> {
            long chosen = pid == 0 && kept == null ? address : snapshot.capabilitySpaces().stream()
                    .filter(s -> pid != 0 ? s.pid() == pid : s.holder().name().equals(kept)).mapToLong(CapabilitySpace::address).findFirst().orElse(address);
            return SpaceModel.of(snapshot, chosen, some, entries);
        });
    }

    @Override
    protected void show(Snapshot shown, SpaceModel model) {
        spaces().show(model.spaces());
        if (model.selected() != null) {
            wanted = model.selected().address();
            pidShown();
            forgetKeptSpace();
            spaces().select(s -> s.address() == wanted);
        }
        map.show(model);
        table.show(model.table());
    }

    @Override
    protected String spaceName() {
        return model() == null || model().selected() == null ? null : model().selected().holder().name();
    }

    @Override
    public LiveTable<SpaceModel.Entry> table() {
        return table;
    }

    @Override
    protected void save(IMemento into) {
        super.save(into);
        table.save(into, "capabilities");
    }

    @Override
    protected void restore(IMemento from) {
        super.restore(from);
        table.restore(from, "capabilities");
    }
}
