package org.veridianos.views.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.eclipse.ui.IViewReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.views.ui.model.PageModel.Tab;
import org.veridianos.views.ui.pages.Colouring;
import org.veridianos.views.ui.pages.PageTablesView;

/** The second of two runs in one workspace: the views are as {@link ViewsBeforeRestart} left them. */
@ExtendWith(UiWatchdog.class)
class ViewsAfterRestart {

    @Test
    void bothViewsAreAsTheyWere() {
        PageTablesView first = view(null);
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
