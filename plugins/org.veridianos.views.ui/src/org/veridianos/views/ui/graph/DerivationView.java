package org.veridianos.views.ui.graph;

import java.util.List;
import java.util.Set;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.SashForm;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Label;
import org.eclipse.ui.IMemento;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.DerivationModel;
import org.veridianos.views.ui.model.DerivationModel.Choice;
import org.veridianos.views.ui.model.DerivationModel.Way;
import org.veridianos.views.ui.model.Subject;
import org.veridianos.views.ui.widget.CellCanvas;
import org.veridianos.views.ui.widget.LiveTable;

/**
 * The Capability Derivation view. It shows the trees of the process or object that was selected in another view, across all
 * processes. The capability with the focus is the one whose revocation is previewed: what would die is marked, and told in
 * words. Below: who can reach the object, or all that the process can reach. M marks this moment: what comes later is new.
 */
public final class DerivationView extends LiveView<DerivationView.Model> {

    /** The view's id. */
    public static final String ID = "org.veridianos.views.ui.derivation";

    /**
     * What is shown.
     *
     * @param derivation the capabilities
     * @param layout     their graph with places
     */
    public record Model(DerivationModel derivation, GraphLayout layout) {
    }

    private SashForm down;
    private GraphCanvas canvas;
    private Label preview;
    private LiveTable<Way> table;
    private int pid = 1;
    private long object;
    private long slot;
    private Set<Long> moment;

    @Override
    protected Control createContent(Composite parent) {
        down = new SashForm(parent, SWT.VERTICAL);
        Composite upper = new Composite(down, SWT.NONE);
        GridLayoutFactory.fillDefaults().spacing(0, 0).applyTo(upper);
        canvas = new GraphCanvas(upper, Messages.Derivation_title);
        GridDataFactory.fillDefaults().grab(true, true).applyTo(canvas);
        preview = new Label(upper, SWT.NONE);
        GridDataFactory.fillDefaults().grab(true, false).indent(4, 0).applyTo(preview);
        canvas.onFocus(cell -> {
            Subject subject = canvas.node(cell).subject();
            if (subject != null) {
                select(subject.pid(), subject.thread(), subject.object(), subject.type());
            }
            Long chosen = model() == null ? null : model().derivation.slots().get(canvas.node(cell).id());
            if (chosen != null && chosen != slot) {
                slot = chosen;
                refresh();
            }
        });
        table = new LiveTable<>(down, List.of(Column.text(Messages.Derivation_process, 110, Way::process), Column.text(Messages.Derivation_object, 150, Way::object),
                Column.text(Messages.Derivation_kind, 96, Way::kind), Column.letters(Messages.Derivation_rights, 66, Way::rights),
                Column.text(Messages.Derivation_chain, 220, Way::chain)), w -> w);
        table.onArrangement(this::refresh);
        canvas.addListener(SWT.KeyDown, e -> key(e, table.control()));
        table.control().addListener(SWT.KeyDown, e -> key(e, canvas));
        down.setWeights(650, 350);
        return down;
    }

    private void key(org.eclipse.swt.widgets.Event e, Control other) {
        if ((e.stateMask & SWT.MODIFIER_MASK) != 0) {
            return;
        }
        if (e.character == 't') {
            other.setFocus();
            e.doit = false;
        } else if (e.character == 'm') {
            moment = moment == null && model() != null ? model().derivation.all() : null;
            refresh();
            e.doit = false;
        }
    }

    @Override
    protected Reading<Model> reading() {
        Arrangement<Way> arrangement = table.arrangement("");
        Choice choice = new Choice(pid, object, slot, moment);
        GraphLayout.Letters letters = canvas.letters();
        return new Reading<>(Request.of(Part.THREADS, Part.CAPABILITIES), (snapshot, memory, previous) -> {
            DerivationModel derivation = DerivationModel.of(snapshot, choice, arrangement);
            return new Model(derivation, GraphLayout.of(derivation.graph(), previous == null ? null : previous.layout, letters));
        });
    }

    @Override
    protected void show(Snapshot shown, Model model) {
        if (model.layout.boxes().isEmpty()) {
            // What was chosen is gone, or belonged to another machine.
            pid = object == 0 ? 1 : pid;
            object = 0;
        }
        canvas.show(model.layout, filterText());
        table.show(model.derivation.ways());
        String words = model.derivation.preview() == null ? Messages.Derivation_hint : NLS.bind(Messages.Derivation_revoke, model.derivation.preview().text());
        if (model.derivation.hidden() > 0) {
            words += "  " + NLS.bind(Messages.Derivation_hidden, Integer.toString(model.derivation.hidden()));
        }
        if (!words.equals(preview.getText())) {
            preview.setText(words);
            preview.setToolTipText(words);
        }
    }

    @Override
    public LiveTable<Way> table() {
        return table;
    }

    @Override
    public CellCanvas canvas() {
        return canvas;
    }

    @Override
    protected void follow(Subject subject) {
        boolean one = !subject.type().equals("Space") && !subject.type().equals("AddressSpace") && subject.object() != 0 && subject.thread() == 0;
        pid = subject.pid() == 0 ? pid : subject.pid();
        object = one ? subject.object() : 0;
        slot = 0;
        refresh();
    }

    @Override
    protected void save(IMemento into) {
        table.save(into, "ways");
        into.putString("subject", pid + " " + Long.toHexString(object) + " " + Long.toHexString(slot));
        into.putInteger("down", down.getWeights()[0]);
    }

    @Override
    protected void restore(IMemento from) {
        table.restore(from, "ways");
        String[] subject = from == null || from.getString("subject") == null ? new String[0] : from.getString("subject").split(" ");
        if (subject.length == 3) {
            // Objects have the same place as long as the machine runs; what is not there is left again as soon as that is seen.
            pid = Integer.parseInt(subject[0]);
            object = Long.parseUnsignedLong(subject[1], 16);
            slot = Long.parseUnsignedLong(subject[2], 16);
        }
        Integer first = from == null ? null : from.getInteger("down");
        if (first != null && first > 0 && first < 1000) {
            down.setWeights(first, 1000 - first);
        }
    }
}
