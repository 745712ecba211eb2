package org.veridianos.views.ui.tests;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.eclipse.swt.widgets.Text;
import org.eclipse.ui.IWorkbenchPage;
import org.eclipse.ui.PlatformUI;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;
import org.veridianos.views.ui.model.PageModel.Tab;
import org.veridianos.views.ui.pages.Colouring;
import org.veridianos.views.ui.pages.PageTablesView;

/** The first of two runs in one workspace: sets two views up for {@link ViewsAfterRestart}. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
class ViewsBeforeRestart {

    /** A machine that does not run, so that only what was kept can name it. */
    static final String MACHINE = "x86_64-of-before";
    /** The second view of the same kind. */
    static final String SECOND = "second";
    /** What stands in its filter box. */
    static final String FILTER = "anonymous";

    @Test
    void twoViewsAreLeftSetUp() {
        Bot.tidy();
        ViewsTest.perspective();
        PageTablesView first = ViewsTest.show(PageTablesView.ID, PageTablesView.class);
        Bot.run(() -> first.pin(MACHINE));
        Bot.run(() -> first.showTab(Tab.FRAMES));
        Bot.run(() -> first.setRate(10));
        PageTablesView second = (PageTablesView) Bot.ui(() -> Bot.window().getActivePage().showView(PageTablesView.ID, SECOND, IWorkbenchPage.VIEW_ACTIVATE));
        Bot.run(() -> second.showTab(Tab.CHANGES));
        Bot.run(() -> second.colourBy(Colouring.HEAT));
        Bot.run(() -> second.setFilter(FILTER));
        Text filter = Bot.ui(() -> Bot.find(Bot.window().getShell(), Text.class, t -> t.getText().equals(FILTER)).get(0));
        assertTrue(Bot.ui(filter::getEnabled));
        assertTrue(Bot.ui(() -> PlatformUI.getWorkbench().close()));
    }
}
