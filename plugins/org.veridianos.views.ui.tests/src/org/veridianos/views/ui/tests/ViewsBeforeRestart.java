package org.veridianos.views.ui.tests;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.swt.SWT;
import org.eclipse.swt.widgets.Text;
import org.eclipse.ui.IWorkbenchPage;
import org.eclipse.ui.PlatformUI;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;
import org.veridianos.views.ui.capabilities.CapabilitySpacesView;
import org.veridianos.views.ui.model.PageModel.Tab;
import org.veridianos.views.ui.pages.Colouring;
import org.veridianos.views.ui.pages.PageTablesView;
import org.veridianos.views.ui.threads.ThreadsView;

/** The first of two runs in one workspace: sets views up for {@link ViewsAfterRestart}. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
class ViewsBeforeRestart {

    /** What is judged is not the loading of classes. */
    @BeforeAll
    static void openEachViewOnce() {
        ViewsTest.perspective();
        ViewsTest.show(CapabilitySpacesView.ID, CapabilitySpacesView.class);
        ViewsTest.show(ThreadsView.ID, ThreadsView.class);
        ViewsTest.show(PageTablesView.ID, PageTablesView.class);
        Bot.idle();
    }

    /** A machine that does not run, so that only what was kept can name it. */
    static final String MACHINE = "x86_64-of-before";
    /** A view of the same kind that stays with that machine. */
    static final String FIRST = "first";
    /** One that follows. */
    static final String SECOND = "second";
    /** What stands in its filter box. */
    static final String FILTER = "anonymous";

    /** What the second run finds selected, a line each; beside the workspace's projects. */
    static Path expected() {
        return ResourcesPlugin.getWorkspace().getRoot().getLocation().append("expected.txt").toPath();
    }

    @Test
    void viewsAreLeftSetUpAndTheirMachineRunsOn() throws Exception {
        Bot.tidy();
        ViewsTest.perspective();
        Guest.boot(Guest.project(), "x86_64", 2, "truth", true);
        PageTablesView pages = ViewsTest.show(PageTablesView.ID, PageTablesView.class);
        Bot.waitFor("the holders of the program", () -> pages.model() != null && pages.model().spaces().shown().size() > 4);
        String owner = Bot.ui(() -> pages.model().spaces().shown().get(3).owner());
        Bot.click(pages.spaces().control(), 30, Bot.ui(() -> pages.spaces().control().getItem(3).getBounds(0).y + 6));
        Bot.waitFor("the space", () -> pages.model().selected() != null && pages.model().selected().owner().equals(owner) && pages.model().ranges().shown().size() > 2);
        Bot.click(pages.table().control(), 40, Bot.ui(() -> pages.table().control().getItem(2).getBounds(0).y + 6));
        Bot.waitFor("the place in the map", () -> pages.canvas().focusCell() >= 512);
        Bot.run(() -> pages.showTab(Tab.TABLES));
        Bot.waitFor("entries", () -> pages.model().entries().shown().size() > 1 && pages.tab() == Tab.TABLES);
        Bot.run(() -> pages.table().control().setFocus());
        Bot.click(pages.table().control(), 40, Bot.ui(() -> pages.table().control().getItem(0).getBounds(0).y + 6));
        int closed = Bot.ui(() -> pages.model().entries().shown().size());
        Bot.key(0, SWT.ARROW_RIGHT, '\0');
        Bot.waitFor("the open table", () -> pages.model().entries().shown().size() > closed);
        Bot.key(0, SWT.ARROW_DOWN, '\0');
        Bot.waitFor("the place of the first entry in it", () -> pages.table().control().getSelectionIndex() == 1 && pages.canvas().focusCell() >= 512
                && pages.canvas().focusCell() < 1024);
        String place = Bot.ui(() -> pages.canvas().focusCell() + " " + pages.canvas().cellName(pages.canvas().focusCell()));
        int opened = Bot.ui(() -> pages.model().entries().shown().size());
        CapabilitySpacesView capabilities = ViewsTest.show(CapabilitySpacesView.ID, CapabilitySpacesView.class);
        // Views follow each other: all select the same process.
        int space = Bot.waitFor("its space in the list", () -> capabilities.model() == null ? null : capabilities.model().spaces().shown().stream()
                .filter(s -> s.holder().name().equals(owner)).map(s -> capabilities.model().spaces().shown().indexOf(s)).findFirst().orElse(null));
        Bot.waitFor("its row", () -> capabilities.spaces().control().getItemCount() > space);
        Bot.click(capabilities.spaces().control(), 30, Bot.ui(() -> capabilities.spaces().control().getItem(space).getBounds(0).y + 6));
        Bot.waitFor("the process's space", () -> capabilities.model() != null && capabilities.model().selected().holder().name().equals(owner)
                && capabilities.table().control().getItemCount() > 1);
        Bot.click(capabilities.table().control(), 40, Bot.ui(() -> capabilities.table().control().getItem(1).getBounds(0).y + 6));
        Bot.waitFor("one of them", () -> capabilities.table().selected() != null);
        long token = Bot.ui(() -> capabilities.table().selected().capability().token());
        ThreadsView threads = ViewsTest.show(ThreadsView.ID, ThreadsView.class);
        int row = Bot.waitFor("the process", () -> threads.model() == null ? null : threads.model().rows().shown().stream().filter(r -> r.value().name().equals(owner))
                .map(r -> threads.model().rows().shown().indexOf(r)).findFirst().orElse(null));
        Bot.waitFor("its row", () -> threads.table().control().getItemCount() > row);
        Bot.click(threads.table().control(), 40, Bot.ui(() -> threads.table().control().getItem(row).getBounds(0).y + 6));
        Bot.waitFor("it to be selected", () -> threads.table().selected() != null && threads.table().selected().value().name().equals(owner));
        Bot.key(0, SWT.ARROW_RIGHT, '\0');
        Bot.waitFor("its threads", () -> threads.model().rows().shown().stream().anyMatch(r -> r.depth() == 1));
        Files.write(expected(), List.of(owner, place, Integer.toString(opened), Long.toString(token)));
        setUpByHand();
        assertTrue(Bot.ui(() -> PlatformUI.getWorkbench().close()));
    }

    private static void setUpByHand() {
        PageTablesView first = (PageTablesView) Bot.ui(() -> Bot.window().getActivePage().showView(PageTablesView.ID, FIRST, IWorkbenchPage.VIEW_ACTIVATE));
        Bot.run(() -> first.pin(MACHINE));
        Bot.run(() -> first.showTab(Tab.FRAMES));
        Bot.run(() -> first.setRate(10));
        PageTablesView second = (PageTablesView) Bot.ui(() -> Bot.window().getActivePage().showView(PageTablesView.ID, SECOND, IWorkbenchPage.VIEW_ACTIVATE));
        Bot.run(() -> second.showTab(Tab.CHANGES));
        Bot.run(() -> second.colourBy(Colouring.HEAT));
        Bot.run(() -> second.setFilter(FILTER));
        Text filter = Bot.ui(() -> Bot.find(Bot.window().getShell(), Text.class, t -> t.getText().equals(FILTER)).get(0));
        assertTrue(Bot.ui(filter::getEnabled));
    }
}
