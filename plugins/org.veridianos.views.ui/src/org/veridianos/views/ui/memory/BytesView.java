package org.veridianos.views.ui.memory;

import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.eclipse.core.runtime.ILog;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Text;
import org.eclipse.ui.IMemento;
import org.eclipse.ui.IViewPart;
import org.eclipse.ui.IWorkbenchPage;
import org.eclipse.ui.PartInitException;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.BytesModel;
import org.veridianos.views.ui.model.BytesModel.Line;
import org.veridianos.views.ui.model.BytesModel.Problem;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.widget.LiveTable;

/**
 * The Memory Contents view: one page of an address space, byte by byte, live, read-only, and without a debugger. Another view says
 * which address space; the box above the bytes takes any of its addresses, Page Up and Page Down at the ends go to the pages beside.
 */
public final class BytesView extends LiveView<BytesModel> {

    /** The view's id. */
    public static final String ID = "org.veridianos.views.ui.bytes";

    private Text place;
    private Label where;
    private LiveTable<Line> table;
    private long space;
    private long address;
    /** Whose address space was shown before a restart, until it was looked for. */
    private String keptOwner;
    /** What is wrong with the text in the box; empty when nothing is. */
    private String wrong = "";

    /**
     * Opens the bytes at an address, in the view that is there or in a new one.
     *
     * @param machine the machine to stay with; null to follow the selected one
     * @param space   address of the address space
     */
    public static void open(IWorkbenchPage page, String machine, long space, long address) {
        try {
            String second = machine == null ? null : UUID.nameUUIDFromBytes(machine.getBytes(java.nio.charset.StandardCharsets.UTF_8)).toString();
            IViewPart view = page.showView(ID, second, IWorkbenchPage.VIEW_ACTIVATE);
            if (view instanceof BytesView bytes) {
                bytes.pin(machine);
                bytes.go(space, address);
            }
        } catch (PartInitException notOpened) {
            ILog.of(BytesView.class).log(notOpened.getStatus());
        }
    }

    /** Shows the page around an address. */
    public void go(long newSpace, long newAddress) {
        space = newSpace;
        address = newAddress;
        keptOwner = null;
        wrong = "";
        place.setText(Numbers.plainHex(address & -BytesModel.PAGE));
        refresh();
    }

    @Override
    protected Control createContent(Composite parent) {
        Composite whole = new Composite(parent, SWT.NONE);
        GridLayoutFactory.fillDefaults().numColumns(3).spacing(6, 0).applyTo(whole);
        Label label = new Label(whole, SWT.NONE);
        label.setText(Messages.Bytes_place);
        GridDataFactory.fillDefaults().indent(4, 0).align(SWT.BEGINNING, SWT.CENTER).applyTo(label);
        place = new Text(whole, SWT.BORDER | SWT.SINGLE);
        GridDataFactory.fillDefaults().hint(190, SWT.DEFAULT).applyTo(place);
        place.addListener(SWT.DefaultSelection, e -> goToText());
        where = new Label(whole, SWT.NONE);
        GridDataFactory.fillDefaults().grab(true, false).align(SWT.FILL, SWT.CENTER).applyTo(where);
        table = new LiveTable<>(whole, List.of(Column.hex(Messages.Bytes_address, 160, Line::virtual), Column.letters(Messages.Bytes_bytes, 420, Line::hex),
                Column.letters(Messages.Bytes_text, 150, Line::text), Column.hex(Messages.Pages_physical, 130, Line::physical)), Line::virtual);
        table.onArrangement(this::refresh);
        table.control().addListener(SWT.KeyDown, e -> {
            if (e.keyCode == SWT.PAGE_UP && table.control().getSelectionIndex() == 0) {
                go(space, address - BytesModel.PAGE);
            } else if (e.keyCode == SWT.PAGE_DOWN && table.control().getSelectionIndex() == table.control().getItemCount() - 1) {
                go(space, address + BytesModel.PAGE);
            }
        });
        GridDataFactory.fillDefaults().grab(true, true).span(3, 1).applyTo(table.control());
        return whole;
    }

    private void goToText() {
        String digits = place.getText().strip().replace("_", "").replace(" ", "").replaceFirst("^0[xX]", "");
        try {
            go(space, Long.parseUnsignedLong(digits, 16));
        } catch (NumberFormatException noAddress) {
            wrong = NLS.bind(Messages.Bytes_noAddress, place.getText());
            where.setText(wrong);
        }
    }

    @Override
    protected Reading<BytesModel> reading() {
        Arrangement<Line> arrangement = table.arrangement(filterText());
        long of = space;
        long at = address;
        return new Reading<>(Request.of(Part.PAGE_TABLES).withAddressSpaces(Set.of(of)),
                (snapshot, memory, previous) -> BytesModel.of(snapshot, memory, of, at, arrangement));
    }

    @Override
    protected void show(Snapshot shown, BytesModel model) {
        if (keptOwner != null) {
            String owner = keptOwner;
            shown.processes().stream().filter(p -> p.title().equals(owner)).findFirst().ifPresent(p -> go(p.addressSpace(), address));
            keptOwner = null;
        }
        String text = !wrong.isEmpty() ? wrong : switch (model.problem()) {
            case NONE -> NLS.bind(Messages.Bytes_of, model.owner());
            case GONE -> Messages.Bytes_gone;
            case UNMAPPED -> NLS.bind(Messages.Bytes_unmapped, model.owner(), Numbers.hex(model.start()));
            case NO_RAM -> NLS.bind(Messages.Bytes_noRam, Numbers.hex(model.start()));
        };
        if (!text.equals(where.getText())) {
            where.setText(text);
        }
        table.show(model.lines());
        table.control().setEnabled(model.problem() == Problem.NONE);
    }

    @Override
    public LiveTable<Line> table() {
        return table;
    }

    @Override
    protected void save(IMemento into) {
        table.save(into, "bytes");
        into.putString("address", Numbers.plainHex(address));
        String owner = model() == null ? keptOwner : model().owner();
        if (owner != null) {
            into.putString("owner", owner);
        }
    }

    @Override
    protected void restore(IMemento from) {
        table.restore(from, "bytes");
        String kept = from == null ? null : from.getString("address");
        // The address spaces of a machine go with it: a process's is looked for by its name, the kernel's, number 0, is in every one.
        keptOwner = from == null ? null : from.getString("owner");
        address = kept == null ? 0 : Long.parseUnsignedLong(kept.substring(2), 16);
        place.setText(Numbers.plainHex(address & -BytesModel.PAGE));
    }
}
