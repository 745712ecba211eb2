package org.veridianos.views.ui.pages;

import java.time.LocalTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.eclipse.jface.action.Action;
import org.eclipse.jface.action.IAction;
import org.eclipse.jface.action.IMenuManager;
import org.eclipse.jface.action.IToolBarManager;
import org.eclipse.jface.action.MenuManager;
import org.eclipse.jface.action.Separator;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.CTabFolder;
import org.eclipse.swt.custom.CTabItem;
import org.eclipse.swt.layout.GridData;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Label;
import org.eclipse.ui.IMemento;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.PageFindings.Finding;
import org.veridianos.views.ui.Images;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.live.SpacesView;
import org.veridianos.views.ui.memory.BytesView;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.PageModel;
import org.veridianos.views.ui.model.PageModel.Entry;
import org.veridianos.views.ui.model.PageModel.Space;
import org.veridianos.views.ui.model.PageModel.Tab;
import org.veridianos.views.ui.model.PageModel.Wanted;
import org.veridianos.views.ui.widget.CellCanvas;
import org.veridianos.views.ui.widget.LiveTable;

/**
 * The Page Tables view: the list of address spaces, and of the selected one the map. Below the map stand its ranges, its tables, what
 * changed in it since the marked moment (M), and of all spaces the mapped frames and the mistakes. C colours the map by
 * something else, B shows the bytes.
 */
public final class PageTablesView extends SpacesView<PageModel, Space> {

    /** The view's id. */
    public static final String ID = "org.veridianos.views.ui.pageTables";

    /** A place to go to as soon as its space is shown. */
    private record Place(long virtual, int level) {
    }

    private CTabFolder tabs;
    private Label note;
    private PageLists lists;
    private LevelsCanvas map;
    private final Set<Object> open = new HashSet<>();
    private boolean chosen;
    private long wanted;
    private Place reveal;
    /** What was open and pointed at in the space of before a restart. */
    private Set<String> keptOpen = Set.of();
    private Place keptPlace;
    private boolean marking;
    private Snapshot since;
    private List<Finding> roots = List.of();
    private LocalTime compared;
    private String comparedMachine;

    @Override
    protected int[] firstWeights() {
        return new int[] {220, 430};
    }

    @Override
    protected LiveTable<Space> createSpaces(Composite parent) {
        LiveTable<Space> spaces = new LiveTable<>(parent, List.of(Column.text(Messages.Pages_space, 150, Space::owner)), s -> s.address());
        spaces.onSelection(s -> {
            forgetKeptSpace();
            choose(s.address());
            select(s.pid(), 0, 0, "AddressSpace");
        });
        keys(spaces.control());
        return spaces;
    }

    @Override
    protected CellCanvas createMap(Composite parent) {
        map = new LevelsCanvas(parent);
        keys(map);
        return map;
    }

    @Override
    protected Control createDetails(Composite parent) {
        Composite details = new Composite(parent, SWT.NONE);
        GridLayoutFactory.fillDefaults().spacing(0, 0).applyTo(details);
        note = new Label(details, SWT.NONE);
        GridDataFactory.fillDefaults().grab(true, false).indent(4, 0).exclude(true).applyTo(note);
        note.setVisible(false);
        tabs = new CTabFolder(details, SWT.BOTTOM | SWT.FLAT);
        GridDataFactory.fillDefaults().grab(true, true).applyTo(tabs);
        lists = new PageLists(tabs);
        for (Tab tab : Tab.values()) {
            LiveTable<?> list = lists.of(tab);
            CTabItem item = new CTabItem(tabs, SWT.NONE);
            item.setText(PageLists.title(tab));
            item.setControl(list.control());
            list.onArrangement(this::refresh);
            swapBack(list);
            keys(list.control());
        }
        lists.onPlace((space, virtual, level) -> {
            if (space == null || space == wanted) {
                map.reveal(virtual, level);
            } else {
                choose(space);
                reveal = new Place(virtual, 0);
            }
        });
        lists.onToggle(this::toggle);
        tabs.setSelection(0);
        tabs.addListener(SWT.Selection, e -> refresh());
        return details;
    }

    private void keys(Control control) {
        control.addListener(SWT.KeyDown, e -> {
            if ((e.stateMask & SWT.MODIFIER_MASK) == 0 && "mcb".indexOf(e.character) >= 0) {
                switch (e.character) {
                    case 'm' -> mark();
                    case 'c' -> map.colourBy(map.colouring().next());
                    default -> showBytes();
                }
                e.doit = false;
            }
        });
    }

    @Override
    protected void fill(IToolBarManager tools, IMenuManager menu) {
        tools.add(push(Messages.Pages_bytes, Images.MEMORY, this::showBytes));
        MenuManager colours = new MenuManager(Messages.Pages_colours);
        colours.setRemoveAllWhenShown(true);
        colours.addMenuListener(m -> {
            for (Colouring each : Colouring.values()) {
                Action action = new Action(each.title(), IAction.AS_RADIO_BUTTON) {
                    @Override
                    public void run() {
                        map.colourBy(each);
                    }
                };
                action.setChecked(map.colouring() == each);
                colours.add(action);
            }
        });
        // A menu that is empty until it is shown is not shown.
        colours.add(new Separator());
        menu.add(colours);
        menu.add(push(Messages.Pages_mark, null, this::mark));
        menu.add(push(Messages.Pages_compare, null, this::compareRegisters));
    }

    /** Stops the machine for a moment, compares the CPUs' registers, and shows the list of mistakes. */
    public void compareRegisters() {
        if (snapshot() == null) {
            return;
        }
        String machine = snapshot().machine().id();
        new RegisterCheck(this::session, found -> tabs.getDisplay().asyncExec(() -> {
            if (!tabs.isDisposed()) {
                roots = found;
                compared = LocalTime.now();
                comparedMachine = machine;
                showTab(Tab.FINDINGS);
            }
        })).schedule();
    }

    /** Marks this moment: the tab of changes tells what differs from it. */
    private void mark() {
        marking = true;
        refresh();
    }

    /** Opens the bytes at the place that the user points at in a view of their own, which needs no debugger. */
    private void showBytes() {
        long address = map.isFocusControl() || lists.selectedAddress(tab()) == null ? map.focusAddress() : lists.selectedAddress(tab());
        BytesView.open(getSite().getPage(), pinned(), wanted, address);
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

    private void choose(long address) {
        if (!chosen || wanted != address) {
            chosen = true;
            wanted = address;
            reveal = null;
            open.clear();
            refresh();
        }
    }

    @Override
    protected Reading<PageModel> reading() {
        PageModel.Arrangements arrangements = lists.arrangements(spaces().arrangement(""), filterText());
        Wanted what = new Wanted(wanted, Set.copyOf(open), tab(), since, roots);
        boolean all = marking || tab().isAboutAll();
        Request request = tab().isAboutAll() ? Request.of(Part.PAGE_TABLES, Part.MEMORY, Part.FRAMES) : Request.of(Part.PAGE_TABLES);
        return new Reading<>(all ? request : request.withAddressSpaces(Set.of(wanted)), (snapshot, memory, previous) -> PageModel.of(snapshot, previous, what, arrangements));
    }

    @Override
    protected void show(Snapshot shown, PageModel model) {
        if (marking && shown.request().addressSpaces().isEmpty()) {
            marking = false;
            since = shown;
        }
        if (since != null && !since.machine().id().equals(shown.machine().id())) {
            since = null;
        }
        if (comparedMachine != null && !comparedMachine.equals(shown.machine().id())) {
            roots = List.of();
            compared = null;
            comparedMachine = null;
        }
        spaces().show(model.spaces());
        List<Space> known = model.spaces().shown();
        if (keptSpace() != null && !known.isEmpty()) {
            known.stream().filter(s -> s.owner().equals(keptSpace())).findFirst().ifPresent(s -> {
                choose(s.address());
                open.addAll(keptOpen);
                reveal = keptPlace;
            });
            forgetKeptSpace();
        }
        if (wantedPid() != 0) {
            known.stream().filter(s -> s.pid() == wantedPid()).findFirst().ifPresent(s -> choose(s.address()));
            pidShown();
        } else if (known.stream().noneMatch(s -> s.address() == wanted) || !chosen && known.size() > 1) {
            choose(known.get(Math.min(1, known.size() - 1)).address());
        }
        spaces().select(s -> s.address() == wanted);
        lists.show(tab(), model);
        showNote(model);
        if (model.selected() != null && model.selected().addressSpace() == wanted) {
            map.show(model);
            if (reveal != null) {
                map.reveal(reveal.virtual, reveal.level);
                reveal = null;
            }
        }
    }

    private void showNote(PageModel model) {
        String text = switch (tab()) {
            case FINDINGS -> (model.findings().total() == 0 ? NLS.bind(Messages.Pages_noFindings, Integer.toString(model.spaces().total()))
                    : NLS.bind(Messages.Pages_someFindings, Integer.toString(model.findings().total())))
                    + (compared == null ? "" : NLS.bind(Messages.Pages_compared, compared.truncatedTo(ChronoUnit.SECONDS)));
            case CHANGES -> since == null ? Messages.Pages_notMarked
                    : NLS.bind(Messages.Pages_since, LocalTime.ofInstant(since.taken(), ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS));
            default -> model.whole() ? "" : Messages.Pages_notWhole;
        };
        if (!text.equals(note.getText())) {
            note.setText(text);
            note.setVisible(!text.isEmpty());
            ((GridData) note.getLayoutData()).exclude = text.isEmpty();
            note.getParent().layout();
        }
    }

    /** What is shown below the map. */
    public Tab tab() {
        return Tab.values()[Math.max(0, tabs.getSelectionIndex())];
    }

    /** Shows another list below the map. */
    public void showTab(Tab tab) {
        tabs.setSelection(tab.ordinal());
        refresh();
    }

    /** How the map is coloured. */
    public Colouring colouring() {
        return map.colouring();
    }

    /** Lets the map's colours tell something else. */
    public void colourBy(Colouring what) {
        map.colourBy(what);
    }

    /** Whether a moment is marked. */
    public boolean isMarked() {
        return since != null;
    }

    @Override
    protected String spaceName() {
        return model() == null ? null : model().spaces().shown().stream().filter(s -> s.address() == wanted).map(Space::owner).findFirst().orElse(null);
    }

    @Override
    public LiveTable<?> table() {
        return lists.of(tab());
    }

    @Override
    protected void save(IMemento into) {
        super.save(into);
        into.putInteger("tab", tab().ordinal());
        into.putString("colours", map.colouring().name());
        into.putString("open", String.join(" ", open.stream().map(Object::toString).toList()));
        if (map.focusCell() >= 0) {
            into.putString("place", Long.toHexString(map.focusAddress()) + " " + map.focusLevel());
        }
        lists.save(into);
    }

    @Override
    protected void restore(IMemento from) {
        super.restore(from);
        if (from == null) {
            return;
        }
        lists.restore(from);
        String opened = Objects.requireNonNullElse(from.getString("open"), "");
        keptOpen = opened.isEmpty() ? Set.of() : Set.of(opened.split(" "));
        keptPlace = place(from.getString("place"));
        int tab = Objects.requireNonNullElse(from.getInteger("tab"), 0);
        tabs.setSelection(tab >= 0 && tab < Tab.values().length ? tab : 0);
        for (Colouring each : Colouring.values()) {
            if (each.name().equals(from.getString("colours"))) {
                map.colourBy(each);
            }
        }
    }

    /** From {@code address level}; null for anything else. */
    private static Place place(String text) {
        try {
            String[] words = text == null ? new String[0] : text.split(" ");
            return words.length == 2 ? new Place(Long.parseUnsignedLong(words[0], 16), Integer.parseInt(words[1])) : null;
        } catch (NumberFormatException otherVersion) {
            return null;
        }
    }
}
