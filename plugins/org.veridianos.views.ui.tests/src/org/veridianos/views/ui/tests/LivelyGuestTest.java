package org.veridianos.views.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.swt.SWT;
import org.eclipse.swt.accessibility.ACC;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Event;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Text;
import org.eclipse.ui.PlatformUI;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.veridianos.ide.inspect.SharedSources;
import org.veridianos.ide.launch.Machines;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;
import org.veridianos.inspect.SnapshotSource;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.views.ui.capabilities.CapabilitySpacesView;
import org.veridianos.views.ui.graph.DerivationView;
import org.veridianos.views.ui.graph.WaitForView;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.live.SpacesView;
import org.veridianos.views.ui.memory.BytesView;
import org.veridianos.views.ui.memory.MemoryView;
import org.veridianos.views.ui.model.BytesModel;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.model.PageModel.Tab;
import org.veridianos.views.ui.objects.ObjectsView;
import org.veridianos.views.ui.pages.Colouring;
import org.veridianos.views.ui.pages.PageTablesView;
import org.veridianos.views.ui.runqueues.RunQueuesView;
import org.veridianos.views.ui.threads.ThreadsView;
import org.veridianos.views.ui.widget.CellCanvas;
import org.veridianos.views.ui.widget.LiveTable;

/** The live views on a guest in which something happens all the time. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LivelyGuestTest {

    @BeforeAll
    static void boot() throws CoreException {
        ViewsTest.perspective();
        Guest.boot("x86_64", 2, "workload");
    }

    @BeforeEach
    void tidy() {
        Bot.tidy();
    }

    @AfterAll
    static void end() throws CoreException {
        Guest.endAll();
    }

    @Test
    @Order(1)
    void theNamedViewsShowAllTheProcesses() {
        CapabilitySpacesView capabilities = ViewsTest.show(CapabilitySpacesView.ID, CapabilitySpacesView.class);
        PageTablesView pages = ViewsTest.show(PageTablesView.ID, PageTablesView.class);
        RunQueuesView queues = ViewsTest.show(RunQueuesView.ID, RunQueuesView.class);
        Bot.waitFor("many spaces", () -> capabilities.model() != null && capabilities.model().spaces().total() > 6);
        Bot.waitFor("many address spaces", () -> pages.model() != null && pages.model().spaces().total() > 6);
        Bot.waitFor("blocked threads", () -> queues.model() != null && queues.model().blocked().stream().anyMatch(g -> g.ipc()));
        Bot.waitFor("switches", () -> queues.model().lanes().stream().anyMatch(l -> l.history().times().length > 4
                && java.util.Arrays.stream(l.history().switches()).max().orElse(0) > 0));
        Bot.sleep(4000);
        Bot.picture("workload-live");
    }

    @Test
    @Order(2)
    void threadsAndProcesses() {
        ThreadsView view = ViewsTest.show(ThreadsView.ID, ThreadsView.class);
        Bot.waitFor("processes", () -> view.model() != null && view.table().control().getItemCount() > 6);
        int rows = Bot.ui(() -> view.model().rows().total());
        Bot.run(() -> view.table().control().setFocus());
        Bot.key(0, SWT.HOME, '\0');
        Bot.click(view.table().control(), 40, Bot.ui(() -> view.table().control().getItem(0).getBounds(0).y + 6));
        Bot.waitFor("the first row", () -> view.table().selected() != null);
        Object first = Bot.ui(() -> view.table().selected().key());
        Bot.key(0, SWT.ARROW_RIGHT, '\0');
        Bot.waitFor("its threads", () -> view.model().rows().shown().stream().anyMatch(r -> r.depth() == 1));
        assertEquals(first, Bot.ui(() -> view.table().selected().key()), "the selection stays with its row");
        assertTrue(rows > 6);
        Bot.picture("threads-and-processes");
        Bot.key(0, SWT.ARROW_LEFT, '\0');
        Bot.waitFor("the process alone", () -> view.model().rows().shown().stream().noneMatch(r -> r.depth() == 1));
    }

    @Test
    @Order(3)
    void aSelectedProcessIsShownByTheOtherViews() {
        CapabilitySpacesView capabilities = ViewsTest.show(CapabilitySpacesView.ID, CapabilitySpacesView.class);
        ThreadsView threads = ViewsTest.show(ThreadsView.ID, ThreadsView.class);
        Bot.waitFor("processes", () -> threads.model() != null && threads.table().control().getItemCount() > 3);
        Bot.click(threads.table().control(), 40, Bot.ui(() -> threads.table().control().getItem(1).getBounds(0).y + 6));
        int pid = Bot.waitFor("a selection", () -> threads.table().selected() == null ? null : threads.table().selected().value().process().pid());
        Bot.waitFor("its capabilities", () -> capabilities.model() != null && capabilities.model().selected().pid() == pid);
    }

    @Test
    @Order(4)
    void physicalMemory() {
        MemoryView view = ViewsTest.show(MemoryView.ID, MemoryView.class);
        Bot.waitFor("zones", () -> view.model() != null && view.model().memory() != null && view.canvas().cellCount() > 0);
        Rectangle zone = Bot.ui(() -> view.canvas().visibleBounds(0));
        Bot.click(view.canvas(), zone.x + 5, zone.y + 5);
        Bot.waitFor("the zone's cell", () -> view.canvas().focusCell() == 0);
        assertTrue(Bot.ui(() -> view.canvas().cellValue(0)).matches(".* in use, .* free, .*"), Bot.ui(() -> view.canvas().cellValue(0)));
        Bot.waitFor("object caches", () -> view.model().slabs().shown().stream().anyMatch(s -> s.used() > 0));
        Bot.picture("physical-memory");
        Bot.key(0, SWT.HOME, '\0');
        Bot.type("t");
        Bot.waitFor("the table of zones", () -> view.table().control().isFocusControl());
    }

    @Test
    @Order(5)
    void kernelObjects() {
        ObjectsView view = ViewsTest.show(ObjectsView.ID, ObjectsView.class);
        Bot.waitFor("roots", () -> view.model() != null && view.table().control().getItemCount() > 3);
        int row = Bot.ui(() -> {
            for (int i = 0; i < view.model().shown().size(); i++) {
                if (view.model().shown().get(i).value().name().equals("processes")) {
                    return i;
                }
            }
            throw new AssertionError("no root 'processes'");
        });
        Bot.run(() -> view.table().control().setTopIndex(row));
        Bot.idle();
        Bot.click(view.table().control(), 60, Bot.ui(() -> view.table().control().getItem(row).getBounds(0).y + 6));
        Bot.waitFor("the root to be selected", () -> view.table().selected() != null && view.table().selected().value().name().equals("processes"));
        Bot.key(0, SWT.ARROW_RIGHT, '\0');
        Bot.waitFor("its children", () -> view.model().shown().stream().anyMatch(r -> r.depth() == 1));
        Bot.picture("kernel-objects");
    }

    @Test
    @Order(6)
    void derivationAndRevocationPreview() {
        CapabilitySpacesView spaces = ViewsTest.show(CapabilitySpacesView.ID, CapabilitySpacesView.class);
        DerivationView view = ViewsTest.show(DerivationView.ID, DerivationView.class);
        Bot.waitFor("a graph", () -> view.model() != null && view.canvas().cellCount() > 0);
        Bot.waitFor("what the process reaches", () -> view.model().derivation().ways().total() > 0);
        Bot.run(() -> view.canvas().setFocus());
        Bot.key(0, SWT.HOME, '\0');
        Bot.waitFor("a preview", () -> view.model().derivation().preview() != null);
        String words = Bot.ui(() -> view.model().derivation().preview().text());
        assertTrue(words.contains("destroy"), words);
        Bot.waitFor("it in words", () -> !Bot.find(Bot.window().getShell(), Label.class, l -> l.getText().startsWith("Revoke: ")).isEmpty());
        Bot.key(0, SWT.END, '\0');
        Bot.sleep(500);
        Bot.picture("derivation");
        List<CapabilitySpace> all = Bot.ui(() -> view.snapshot().capabilitySpaces());
        assertTrue(all.size() > 6 && spaces != null);
    }

    @Test
    @Order(7)
    void whoWaitsForWhom() {
        WaitForView view = ViewsTest.show(WaitForView.ID, WaitForView.class);
        Bot.waitFor("callers and servers", () -> view.model() != null && view.canvas().cellCount() >= 2);
        assertEquals(List.of(), Bot.ui(() -> view.model().waits().deadlocks()), "the workload never locks itself up");
        Bot.picture("wait-for");
        Bot.run(() -> {
            view.canvas().setFocus();
            PlatformUI.getWorkbench().getDisplay().update();
        });
        Bot.type("t");
        Bot.waitFor("the table", () -> view.table().control().isVisible());
    }

    @Test
    @Order(8)
    void framesKnowWhoMapsThem() {
        PageTablesView view = pages();
        Bot.run(() -> view.showTab(Tab.FRAMES));
        Bot.waitFor("frames of several processes", () -> view.tab() == Tab.FRAMES && view.model().frames().shown().stream().anyMatch(u -> u.mappings().size() > 1));
        Bot.waitFor("their rows", () -> view.table().control().getItemCount() > 10);
        Bot.click(view.table().control(), 40, Bot.ui(() -> view.table().control().getItem(1).getBounds(0).y + 6));
        String physical = Bot.ui(() -> view.table().control().getItem(1).getText(0));
        Bot.waitFor("the map to go to the frame", () -> view.canvas().focusCell() >= 0 && view.canvas().cellValue(view.canvas().focusCell()).contains("physical " + physical));
        Bot.picture("page-tables-frames");
        Bot.type("t");
        Bot.waitFor("the map to have the focus", () -> view.canvas().isFocusControl());
        Bot.type("t");
        Bot.waitFor("the list again", () -> view.table().control().isFocusControl());
    }

    @Test
    @Order(9)
    void mistakesOfAllSpacesStandByThemselves() {
        PageTablesView view = pages();
        Bot.run(() -> view.showTab(Tab.FINDINGS));
        Bot.waitFor("that there are none", () -> !Bot.find(Bot.window().getShell(), Label.class, l -> l.isVisible() && l.getText().matches("no mistakes in \\d+ address spaces")).isEmpty());
        assertEquals(0, Bot.ui(() -> view.model().findings().total()));
        Bot.run(view::compareRegisters);
        Bot.waitFor("the registers to be compared", () -> !Bot.find(Bot.window().getShell(), Label.class, l -> l.isVisible() && l.getText().contains("registers compared at")).isEmpty());
        assertEquals(0, Bot.ui(() -> view.model().findings().total()), "every CPU runs with the tables of its process");
        Object stopped = Bot.ui(view::snapshot);
        Bot.waitFor("the machine to run on", () -> view.snapshot() != stopped);
        Bot.picture("page-tables-mistakes");
    }

    @Test
    @Order(10)
    void changesSinceAMarkedMoment() {
        PageTablesView view = pages();
        Bot.run(() -> view.showTab(Tab.CHANGES));
        Bot.waitFor("how to begin", () -> !Bot.find(Bot.window().getShell(), Label.class, l -> l.isVisible() && l.getText().startsWith("M marks")).isEmpty());
        Bot.run(() -> view.canvas().setFocus());
        Bot.type("m");
        Bot.waitFor("the mark", view::isMarked);
        Bot.sleep(1500);
        int spaces = Bot.ui(() -> view.spaces().control().getItemCount());
        boolean changed = false;
        for (int i = spaces - 1; i > 0 && !changed; i--) {
            int row = i;
            if (Bot.ui(() -> row < view.spaces().control().getItemCount())) {
                Bot.run(() -> view.spaces().control().setTopIndex(row));
                Bot.click(view.spaces().control(), 30, Bot.ui(() -> view.spaces().control().getItem(row).getBounds(0).y + 6));
                Bot.sleep(600);
                changed = Bot.ui(() -> view.model() != null && view.model().changes().total() > 0);
            }
        }
        assertTrue(changed, "a process of the workload maps and unmaps memory all the time");
        Bot.picture("page-tables-changes");
    }

    @Test
    @Order(11)
    void theMapIsColouredByFourThings() {
        PageTablesView view = pages();
        Bot.run(() -> view.canvas().setFocus());
        for (Colouring expected : new Colouring[] {Colouring.PAGE_SIZE, Colouring.OWNER, Colouring.HEAT, Colouring.PERMISSIONS}) {
            Bot.type("c");
            Bot.waitFor(expected.name(), () -> view.colouring() == expected);
            Bot.picture("page-tables-" + expected.name().toLowerCase(java.util.Locale.ROOT));
        }
        String svg = Bot.ui(() -> view.canvas().toSvg());
        assertTrue(svg.contains("write and execute"), "the legend says in words what the colours mean");
    }

    @Test
    @Order(12)
    void thePagesBytesAreOneKeyAway() throws Exception {
        PageTablesView view = pages();
        Bot.waitFor("ranges", () -> view.model() != null && view.model().ranges().shown().size() > 3);
        int code = Bot.ui(() -> {
            for (int i = 0; i < view.model().ranges().shown().size(); i++) {
                if (view.model().ranges().shown().get(i).range().permissions().user() && view.model().ranges().shown().get(i).range().permissions().execute()) {
                    return i;
                }
            }
            throw new AssertionError("no code");
        });
        long start = Bot.ui(() -> view.model().ranges().shown().get(code).range().start());
        Bot.click(view.table().control(), 40, Bot.ui(() -> view.table().control().getItem(code).getBounds(0).y + 6));
        Bot.waitFor("the row", () -> view.table().control().getSelectionIndex() == code);
        Bot.type("b");
        BytesView bytes = Bot.waitFor("the bytes", () -> Bot.window().getActivePage().getActivePart() instanceof BytesView shown && shown.model() != null
                && shown.model().lines().total() == 256 ? shown : null);
        BytesModel.Line line = Bot.ui(() -> bytes.model().lines().shown().get(0));
        assertEquals(start, line.virtual());
        try (SnapshotSource source = SharedSources.open(Machines.running().get(0).session())) {
            StringBuilder hex = new StringBuilder();
            for (byte b : source.memory().read(line.physical(), 16)) {
                hex.append(String.format("%02x", b));
            }
            assertEquals(hex.toString(), line.hex().replace(" ", ""));
        }
        Bot.picture("memory-contents");
        Text place = Bot.one(Bot.window().getShell(), Text.class, t -> t.isVisible() && t.getText().equals(Numbers.plainHex(start)));
        Bot.run(() -> {
            place.setFocus();
            place.setText("0x10");
            place.notifyListeners(SWT.DefaultSelection, new Event());
        });
        Bot.waitFor("that nothing is there", () -> bytes.model().problem() == BytesModel.Problem.UNMAPPED);
        Bot.run(() -> {
            place.setText("somewhere");
            place.notifyListeners(SWT.DefaultSelection, new Event());
        });
        Bot.sleep(600);
        assertEquals(1, Bot.find(Bot.window().getShell(), Label.class, l -> l.isVisible() && l.getText().startsWith("'somewhere' is no address")).size());
    }

    @Test
    @Order(13)
    void everySelectionLeadsToTheSourceOfItsType() {
        ThreadsView threads = ViewsTest.show(ThreadsView.ID, ThreadsView.class);
        Bot.waitFor("processes", () -> threads.model() != null && threads.table().control().getItemCount() > 3);
        Bot.click(threads.table().control(), 40, Bot.ui(() -> threads.table().control().getItem(1).getBounds(0).y + 6));
        Bot.waitFor("a selection", () -> threads.source().isPresent());
        assertTrue(Bot.ui(() -> threads.source().orElseThrow().path()).endsWith(".rs"));
        PageTablesView pages = pages();
        Bot.click(pages.spaces().control(), 30, Bot.ui(() -> pages.spaces().control().getItem(2).getBounds(0).y + 6));
        Bot.waitFor("the address space's type", () -> pages.source().isPresent());
        CapabilitySpacesView capabilities = ViewsTest.show(CapabilitySpacesView.ID, CapabilitySpacesView.class);
        Bot.waitFor("spaces", () -> capabilities.model() != null && capabilities.spaces().control().getItemCount() > 2);
        Bot.click(capabilities.spaces().control(), 30, Bot.ui(() -> capabilities.spaces().control().getItem(1).getBounds(0).y + 6));
        Bot.waitFor("the capability space's type", () -> capabilities.source().isPresent());
        Bot.type("s");
        Bot.waitFor("its source in an editor", () -> Bot.window().getActivePage().getActiveEditor() != null
                && Bot.window().getActivePage().getActiveEditor().getTitle().endsWith(".rs"));
    }

    /** The six views with a picture; the two others are tables themselves. */
    @ParameterizedTest
    @Order(14)
    @ValueSource(strings = {RunQueuesView.ID, CapabilitySpacesView.ID, PageTablesView.ID, MemoryView.ID, DerivationView.ID, WaitForView.ID})
    void aPictureHasACellThatIsMovedAndHeardAndATableOneKeyAway(String id) {
        LiveView<?> view = ViewsTest.show(id, LiveView.class);
        Bot.waitFor("cells", () -> view.model() != null && view.snapshot() != null && picture(view).cellCount() > 1);
        Bot.sleep(500);
        CellCanvas canvas = Bot.ui(() -> picture(view));
        if (!Bot.ui(canvas::isVisible)) {
            Bot.run(() -> view.tableControl().setFocus());
            Bot.type("t");
            Bot.waitFor("the picture instead of the table", canvas::isVisible);
        }
        Bot.run(() -> view.setPaused(true));
        try {
            drive(view, canvas);
        } finally {
            Bot.run(() -> view.setPaused(false));
        }
    }

    private static void drive(LiveView<?> view, CellCanvas canvas) {
        Bot.sleep(500);
        Rectangle cell = Bot.waitFor("a cell in sight", () -> inSight(canvas));
        Bot.click(canvas, cell.x + Math.min(6, cell.width / 2), cell.y + Math.min(6, cell.height / 2));
        Bot.waitFor("the focus by mouse", () -> canvas.isFocusControl() && canvas.focusCell() >= 0);
        int first = Bot.ui(canvas::focusCell);
        for (int arrow : new int[] {SWT.ARROW_RIGHT, SWT.ARROW_DOWN, SWT.ARROW_LEFT, SWT.ARROW_UP}) {
            if (Bot.ui(canvas::focusCell) == first) {
                Bot.key(0, arrow, '\0');
                Bot.idle();
            }
        }
        assertNotEquals(first, Bot.ui(canvas::focusCell), "an arrow key moved the focus");
        Heard heard = Bot.ui(() -> Heard.of(canvas));
        assertTrue(heard.name().endsWith(": " + Bot.ui(() -> canvas.cellName(canvas.focusCell()))), heard.toString());
        assertEquals(Bot.ui(() -> canvas.cellValue(canvas.focusCell())), heard.value());
        assertFalse(heard.value().isEmpty());
        assertEquals(ACC.ROLE_TABLECELL, heard.role());
        Bot.type("t");
        Bot.waitFor("the table", () -> view.tableControl().isFocusControl() && view.tableControl().isVisible());
        Bot.type("t");
        Bot.waitFor("the picture", () -> canvas.isFocusControl() && canvas.isVisible());
    }

    @ParameterizedTest
    @Order(15)
    @ValueSource(strings = {RunQueuesView.ID, CapabilitySpacesView.ID, PageTablesView.ID, MemoryView.ID, DerivationView.ID, WaitForView.ID, ThreadsView.ID, ObjectsView.ID})
    void everyViewIsExportedAndFiltered(String id) {
        LiveView<?> view = ViewsTest.show(id, LiveView.class);
        Bot.waitFor("rows", () -> view.model() != null && table(view).rows().total() > 0);
        LiveTable<?> table = Bot.ui(() -> table(view));
        assertTrue(Bot.ui(table::csv).lines().count() > 1, "a title and rows");
        String json = Bot.ui(table::json).strip();
        assertTrue(json.startsWith("[") && json.endsWith("]") && json.contains("\": "), json);
        if (!(view instanceof ThreadsView || view instanceof ObjectsView)) {
            String svg = Bot.ui(() -> picture(view).toSvg()).strip();
            assertTrue(svg.startsWith("<svg") && svg.endsWith("</svg>"));
            assertTrue(Bot.ui(() -> picture(view).toImage()).width > 50);
        }
        Bot.run(() -> view.setFilter("nothing-is-called-so"));
        // The filter of the derivation graph finds in the picture.
        Bot.waitFor("no rows", () -> view instanceof DerivationView || table(view).rows().shown().isEmpty());
        Bot.run(() -> view.setFilter(""));
        Bot.waitFor("rows again", () -> !table(view).rows().shown().isEmpty());
    }

    private static LiveTable<?> table(LiveView<?> view) {
        return switch (view) {
            case RunQueuesView queues -> queues.table();
            case CapabilitySpacesView spaces -> spaces.table();
            case PageTablesView pages -> pages.table();
            case MemoryView memory -> memory.table();
            case DerivationView derivation -> derivation.table();
            case WaitForView waits -> waits.table();
            case ThreadsView threads -> threads.table();
            case ObjectsView objects -> objects.table();
            default -> throw new AssertionError(view);
        };
    }

    private static CellCanvas picture(LiveView<?> view) {
        return switch (view) {
            case RunQueuesView queues -> queues.canvas();
            case SpacesView<?, ?> spaces -> spaces.canvas();
            case MemoryView memory -> memory.canvas();
            case DerivationView derivation -> derivation.canvas();
            case WaitForView waits -> waits.canvas();
            default -> throw new AssertionError(view);
        };
    }

    private static Rectangle inSight(CellCanvas canvas) {
        Rectangle area = canvas.getClientArea();
        for (int i = 0; i < canvas.cellCount(); i++) {
            Rectangle cell = canvas.visibleBounds(i);
            if (area.contains(cell.x, cell.y) && area.contains(cell.x + cell.width, cell.y + cell.height)) {
                return cell;
            }
        }
        return null;
    }

    private static PageTablesView pages() {
        PageTablesView view = ViewsTest.show(PageTablesView.ID, PageTablesView.class);
        Bot.waitFor("an address space", () -> view.model() != null && view.model().selected() != null && view.model().selected().addressSpace() != 0);
        Bot.run(() -> view.showTab(Tab.RANGES));
        return view;
    }
}
