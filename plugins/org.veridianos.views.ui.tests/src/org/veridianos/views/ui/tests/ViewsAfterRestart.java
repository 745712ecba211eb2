package org.veridianos.views.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.file.Files;
import java.util.List;
import org.eclipse.ui.IViewReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.ide.launch.Machines;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;
import org.veridianos.views.ui.capabilities.CapabilitySpacesView;
import org.veridianos.views.ui.model.PageModel.Tab;
import org.veridianos.views.ui.pages.Colouring;
import org.veridianos.views.ui.pages.PageTablesView;
import org.veridianos.views.ui.threads.ThreadsView;

/** The second of two runs in one workspace: the views are as {@link ViewsBeforeRestart} left them. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
class ViewsAfterRestart {

    /** What is judged is not the loading of classes. */
    @BeforeAll
    static void openEachViewOnce() {
        ViewsTest.perspective();
        ViewsTest.show(CapabilitySpacesView.ID, CapabilitySpacesView.class);
        ViewsTest.show(ThreadsView.ID, ThreadsView.class);
        ViewsTest.show(PageTablesView.ID, PageTablesView.class);
        Bot.idle();
    }

    @AfterAll
    static void end() throws Exception {
        Guest.endAll();
        Files.deleteIfExists(ViewsBeforeRestart.expected());
    }

    @Test
    void whatWasSelectedOnTheRunningMachineIsSelectedAgain() throws Exception {
        Bot.waitFor("the machine that ran on", () -> !Machines.running().isEmpty());
        List<String> expected = Files.readAllLines(ViewsBeforeRestart.expected());
        PageTablesView pages = ViewsTest.show(PageTablesView.ID, PageTablesView.class);
        Bot.waitFor("the address space", () -> pages.model() != null && pages.model().selected() != null && pages.model().selected().owner().equals(expected.get(0)));
        Bot.waitFor("the open tables", () -> pages.tab() == Tab.TABLES && pages.model().entries().shown().size() == Integer.parseInt(expected.get(2)));
        Bot.waitFor("the place in the map", () -> pages.canvas().focusCell() >= 0
                && expected.get(1).equals(pages.canvas().focusCell() + " " + pages.canvas().cellName(pages.canvas().focusCell())));
        CapabilitySpacesView capabilities = ViewsTest.show(CapabilitySpacesView.ID, CapabilitySpacesView.class);
        Bot.waitFor("the capability space", () -> capabilities.model() != null && capabilities.model().selected().holder().name().equals(expected.get(0)));
        Bot.waitFor("the capability", () -> capabilities.table().selected() != null
                && Long.toString(capabilities.table().selected().capability().token()).equals(expected.get(3)));
        ThreadsView threads = ViewsTest.show(ThreadsView.ID, ThreadsView.class);
        Bot.waitFor("the process and its threads", () -> threads.table().selected() != null && threads.table().selected().value().name().equals(expected.get(0))
                && threads.model().rows().shown().stream().anyMatch(r -> r.depth() == 1));
    }

    @Test
    void bothViewsAreAsTheyWere() {
        PageTablesView first = view(ViewsBeforeRestart.FIRST);
        assertEquals(ViewsBeforeRestart.MACHINE, Bot.ui(first::pinned));
        Bot.waitFor("the machine's name in the title", () -> first.getPartName().equals("Page Tables: " + ViewsBeforeRestart.MACHINE + ", pinned"));
        assertEquals(Tab.FRAMES, Bot.ui(first::tab));
        assertEquals(Colouring.PERMISSIONS, Bot.ui(first::colouring));
        assertEquals(10, Bot.ui(first::rate));
        PageTablesView second = view(ViewsBeforeRestart.SECOND);
        assertNull(Bot.ui(second::pinned));
        assertEquals(Tab.CHANGES, Bot.ui(second::tab));
        assertEquals(Colouring.HEAT, Bot.ui(second::colouring));
        assertEquals(5, Bot.ui(second::rate));
        assertEquals(ViewsBeforeRestart.FILTER, Bot.ui(second::filter));
    }

    private static PageTablesView view(String second) {
        IViewReference reference = Bot.ui(() -> Bot.window().getActivePage().findViewReference(PageTablesView.ID, second));
        assertNotNull(reference, "the view is there");
        return (PageTablesView) Bot.ui(() -> reference.getView(true));
    }
}
