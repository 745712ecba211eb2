package org.veridianos.views.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.swt.SWT;
import org.eclipse.swt.accessibility.Accessible;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Link;
import org.eclipse.swt.widgets.Table;
import org.eclipse.swt.widgets.Text;
import org.eclipse.swt.widgets.ToolItem;
import org.eclipse.ui.IViewPart;
import org.eclipse.ui.PartInitException;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.IWorkbenchPage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;
import org.veridianos.views.ui.capabilities.CapabilitySpacesView;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.pages.PageTablesView;
import org.veridianos.views.ui.runqueues.RunQueuesView;
import org.veridianos.views.ui.widget.CellCanvas;

/** The live views on a real guest, by keys and by mouse. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ViewsTest {

    private static MachineProcess machine;

    @BeforeAll
    static void perspective() {
        Bot.run(() -> {
            try {
                PlatformUI.getWorkbench().showPerspective("org.veridianos.ide.ui.perspective", Bot.window());
            } catch (CoreException refused) {
                throw new AssertionError(refused);
            }
        });
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
    void withoutAMachineTheViewsSayWhyAndOfferTheNextStep() {
        RunQueuesView view = show(RunQueuesView.ID, RunQueuesView.class);
        Link link = Bot.waitFor("the link", () -> Bot.find(Bot.window().getShell(), Link.class, l -> l.isVisible() && l.getText().contains("Boot the kernel")).stream()
                .findFirst().orElse(null));
        assertNotNull(link);
        Bot.picture("views-empty");
        Bot.waitFor("the name of no machine", () -> view.getPartName().equals("Run Queues"));
    }

    @Test
    @Order(2)
    void theThreeViewsAreAliveInThePerspective() throws CoreException {
        machine = Guest.boot("x86_64", 4, "");
        for (LiveView<?> view : List.of(show(CapabilitySpacesView.ID, CapabilitySpacesView.class), show(PageTablesView.ID, PageTablesView.class),
                show(RunQueuesView.ID, RunQueuesView.class))) {
            Bot.waitFor(view.getPartName() + " to show something", () -> view.model() != null);
            assertTrue(Bot.ui(view::getPartName).contains(machine.session().id()), "the session is named in the title");
            Object first = Bot.ui(view::snapshot);
            Bot.waitFor("the next snapshot", () -> view.snapshot() != first);
        }
        Bot.sleep(3000);
        Bot.picture("views-live");
    }

    @Test
    @Order(3)
    void runQueuesByKeysAndMouse() {
        RunQueuesView view = show(RunQueuesView.ID, RunQueuesView.class);
        Bot.waitFor("four CPUs", () -> view.model() != null && view.model().lanes().size() == 4);
        CellCanvas canvas = view.canvas();
        Rectangle first = Bot.ui(() -> canvas.visibleBounds(0));
        Bot.click(canvas, first.x + 8, first.y + 8);
        assertTrue(Bot.ui(canvas::isFocusControl));
        assertEquals(0, Bot.ui(canvas::focusCell));
        Bot.key(0, SWT.ARROW_DOWN, '\0');
        Bot.waitFor("the focus on the next CPU", () -> canvas.focusCell() > 0);
        assertTrue(Bot.ui(() -> canvas.cellValue(canvas.focusCell())).contains("CPU 1"), Bot.ui(() -> canvas.cellValue(canvas.focusCell())));
        Bot.type("t");
        Bot.waitFor("the table", view::isTableShown);
        Table table = view.table().control();
        Bot.waitFor("init's threads in it", () -> rows(table).stream().anyMatch(r -> r.contains("init/")));
        assertTrue(Bot.ui(table::isFocusControl), "the table has the focus");
        Bot.key(0, SWT.HOME, '\0');
        Bot.picture("run-queues-table");
        Bot.type("t");
        Bot.waitFor("the picture again", () -> !view.isTableShown() && canvas.isFocusControl());
    }

    @Test
    @Order(4)
    void pauseRefreshAndFilter() {
        RunQueuesView view = show(RunQueuesView.ID, RunQueuesView.class);
        Bot.waitFor("a snapshot", () -> view.snapshot() != null);
        Bot.run(() -> view.canvas().setFocus());
        Bot.type("p");
        Bot.waitFor("the pause", view::isPaused);
        Bot.sleep(600);
        Object still = Bot.ui(view::snapshot);
        Bot.sleep(800);
        assertEquals(still, Bot.ui(view::snapshot), "it stands still");
        Bot.key(0, SWT.F5, '\0');
        Bot.waitFor("one more", () -> view.snapshot() != still);
        Bot.sleep(400);
        Object again = Bot.ui(view::snapshot);
        Bot.sleep(600);
        assertEquals(again, Bot.ui(view::snapshot));
        Bot.type("p");
        Bot.waitFor("life again", () -> !view.isPaused() && view.snapshot() != again);
        Bot.key(SWT.CTRL, 'f', 'f');
        Text filter = Bot.waitFor("the filter", () -> Bot.display().getFocusControl() instanceof Text text ? text : null);
        Bot.type("nosuchthread");
        Bot.waitFor("no rows", () -> view.model().threads().shown().isEmpty() && view.model().threads().total() > 0);
        Bot.key(0, SWT.ESC, '\u001b');
        Bot.waitFor("all rows", () -> filter.getText().isEmpty() && !view.model().threads().shown().isEmpty());
        Bot.key(0, SWT.ESC, '\u001b');
        Bot.waitFor("the filter to go", () -> !filter.isVisible());
    }

    @Test
    @Order(5)
    void capabilitySpacesByKeysAndMouse() {
        CapabilitySpacesView view = show(CapabilitySpacesView.ID, CapabilitySpacesView.class);
        Bot.waitFor("init's space", () -> view.model() != null && view.model().spaces().shown().stream().anyMatch(s -> s.holder().name().startsWith("init")));
        Table spaces = view.spaces().control();
        int init = Bot.ui(() -> indexOf(spaces, "init"));
        Bot.click(spaces, 20, Bot.ui(() -> spaces.getItem(init).getBounds(0).y + 6));
        Bot.waitFor("it to be selected", () -> view.model().selected().holder().name().startsWith("init"));
        Bot.waitFor("its capabilities", () -> view.table().control().getItemCount() == view.model().selected().capabilities().size() && view.table().control().getItemCount() > 0);
        List<String> shown = Bot.ui(() -> rows(view.table().control()));
        assertTrue(shown.stream().anyMatch(r -> r.matches(".*[r\u00b7][w\u00b7][x\u00b7][g\u00b7][d\u00b7][m\u00b7].*")), shown.toString());
        CellCanvas map = view.canvas();
        int slot = Bot.ui(() -> view.model().selected().capabilities().get(0).index());
        Rectangle cell = Bot.ui(() -> map.visibleBounds(slot));
        Bot.click(map, cell.x + 2, cell.y + 2);
        Bot.waitFor("the slot to have the focus", () -> map.focusCell() == slot);
        Bot.waitFor("its row to be selected", () -> view.table().selected() != null && view.table().selected().capability().index() == slot);
        Bot.key(0, SWT.ARROW_RIGHT, '\0');
        Bot.waitFor("the next slot", () -> map.focusCell() == slot + 1);
        Bot.type("t");
        Bot.waitFor("the table to have the focus", () -> view.table().control().isFocusControl());
        Bot.picture("capability-spaces");
    }

    @Test
    @Order(6)
    void pageTablesByKeysAndMouse() {
        PageTablesView view = show(PageTablesView.ID, PageTablesView.class);
        Bot.waitFor("the spaces", () -> view.model() != null && view.model().spaces().total() > 1);
        Bot.waitFor("init's tables", () -> view.model().selected() != null && view.model().selected().addressSpace() != 0);
        Table ranges = view.table().control();
        Bot.waitFor("ranges", () -> view.model() != null && view.model().ranges().shown().size() > 3 && ranges.getItemCount() > 3);
        assertTrue(Bot.ui(() -> view.model().ranges().shown().stream().anyMatch(r -> r.range().permissions().user() && r.range().permissions().execute())),
                "init's code is mapped");
        assertFalse(Bot.ui(() -> view.model().ranges().shown().stream().anyMatch(r -> r.isFinding())), "nothing is writable and executable");
        CellCanvas map = view.canvas();
        Rectangle cell = Bot.ui(() -> map.visibleBounds(0));
        Bot.click(map, cell.x + 1, cell.y + 1);
        Bot.waitFor("the first entry", () -> map.focusCell() == 0);
        Bot.key(0, SWT.CR, '\r');
        Bot.waitFor("one level in", () -> map.focusCell() >= 512 && map.focusCell() < 1024);
        Bot.key(0, SWT.BS, '\b');
        Bot.waitFor("one level out", () -> map.focusCell() == 0);
        Bot.key(0, SWT.ARROW_DOWN, '\0');
        Bot.waitFor("a line down", () -> map.focusCell() == 32);
        Bot.key(0, SWT.HOME, '\0');
        int free = Bot.ui(() -> firstUnmapped(map));
        Rectangle hole = Bot.ui(() -> map.visibleBounds(free));
        Bot.click(map, hole.x + 1, hole.y + 1);
        Bot.waitFor("the hole", () -> map.focusCell() == free && map.cellCount() == 512);
        Bot.click(ranges, 40, Bot.ui(() -> ranges.getItem(1).getBounds(0).y + 6));
        Bot.waitFor("the map to go there", () -> map.focusCell() >= 512);
        Bot.picture("page-tables");
        assertNotEquals("unmapped", Bot.ui(() -> map.cellValue(map.focusCell())));
    }

    @Test
    @Order(7)
    void picturesAndTablesAreExported() {
        RunQueuesView view = show(RunQueuesView.ID, RunQueuesView.class);
        Bot.waitFor("a model", () -> view.model() != null);
        String svg = Bot.ui(() -> view.canvas().toSvg());
        assertTrue(svg.startsWith("<svg") && svg.contains("CPU 0") && svg.strip().endsWith("</svg>"), svg);
        assertTrue(Bot.ui(() -> view.canvas().toImage()).width > 100);
        assertTrue(Bot.ui(() -> view.table().csv()).startsWith("Thread,State,"));
        assertTrue(Bot.ui(() -> view.table().json()).contains("\"Thread\": \"init/"));
        Accessible accessible = Bot.ui(() -> view.canvas().getAccessible());
        assertNotNull(accessible);
    }

    @Test
    @Order(8)
    void aViewSaysWhenItsMachineHasEnded() throws CoreException {
        RunQueuesView view = show(RunQueuesView.ID, RunQueuesView.class);
        Bot.waitFor("a model", () -> view.model() != null);
        machine.terminate();
        Bot.waitFor("the reason", () -> view.model() == null && !Bot.find(Bot.window().getShell(), Link.class, l -> l.isVisible()).isEmpty());
        Bot.waitFor("the name of no machine", () -> view.getPartName().equals("Run Queues"));
        assertTrue(Bot.find(Bot.window().getShell(), ToolItem.class, t -> "Pause".equals(t.getToolTipText())).size() >= 1);
    }

    private static int firstUnmapped(CellCanvas map) {
        int cell = 0;
        while (!map.cellValue(cell).equals("unmapped")) {
            cell++;
        }
        return cell;
    }

    private static int indexOf(Table table, String start) {
        for (int i = 0; i < table.getItemCount(); i++) {
            if (table.getItem(i).getText().startsWith(start)) {
                return i;
            }
        }
        throw new AssertionError("no row " + start + " in " + rows(table));
    }

    private static List<String> rows(Table table) {
        return java.util.Arrays.stream(table.getItems()).map(i -> {
            StringBuilder row = new StringBuilder();
            for (int c = 0; c < table.getColumnCount(); c++) {
                row.append(i.getText(c)).append(' ');
            }
            return row.toString();
        }).toList();
    }

    static <V extends IViewPart> V show(String id, Class<V> type) {
        return type.cast(Bot.ui(() -> {
            try {
                IViewPart view = Bot.window().getActivePage().showView(id, null, IWorkbenchPage.VIEW_ACTIVATE);
                assertTrue(view instanceof LiveView<?>);
                return view;
            } catch (PartInitException notShown) {
                throw new AssertionError(notShown);
            }
        }));
    }
}
