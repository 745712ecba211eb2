package org.veridianos.views.ui.tests;

import java.util.List;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.e4.ui.css.swt.theme.IThemeEngine;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.CTabFolder;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.ui.PlatformUI;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.views.ui.capabilities.CapabilitySpacesView;
import org.veridianos.views.ui.graph.DerivationView;
import org.veridianos.views.ui.graph.WaitForView;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.memory.BytesView;
import org.veridianos.views.ui.memory.MemoryView;
import org.veridianos.views.ui.model.PageModel.Tab;
import org.veridianos.views.ui.objects.ObjectsView;
import org.veridianos.views.ui.pages.PageTablesView;
import org.veridianos.views.ui.runqueues.RunQueuesView;
import org.veridianos.views.ui.threads.ThreadsView;

/** Takes the pictures of the live views for the user guide. Not a test: {@code docs/user-guide/pictures.sh} runs it. */
@EnabledIfSystemProperty(named = "veridian.pictures.kind", matches = "light|dark|double")
class ViewPictures {

    private static final String KIND = System.getProperty("veridian.pictures.kind", "light");

    @AfterAll
    static void end() throws CoreException {
        Guest.endAll();
    }

    @Test
    void views() throws CoreException {
        ViewsTest.perspective();
        Bot.tidy();
        if (KIND.equals("dark")) {
            Bot.run(() -> PlatformUI.getWorkbench().getService(IThemeEngine.class).setTheme("org.eclipse.e4.ui.css.theme.e4_dark", true));
        }
        Guest.boot("x86_64", 2, "workload");
        for (LiveView<?> view : List.of(ViewsTest.show(CapabilitySpacesView.ID, CapabilitySpacesView.class), ViewsTest.show(PageTablesView.ID, PageTablesView.class),
                ViewsTest.show(RunQueuesView.ID, RunQueuesView.class))) {
            Bot.waitFor("something to see", () -> view.model() != null);
        }
        Bot.sleep(15_000);
        Bot.picture(KIND.equals("light") ? "views" : "views-" + KIND);
        if (!KIND.equals("light")) {
            return;
        }
        take("view-run-queues", ViewsTest.show(RunQueuesView.ID, RunQueuesView.class));
        take("view-capabilities", ViewsTest.show(CapabilitySpacesView.ID, CapabilitySpacesView.class));
        PageTablesView pages = ViewsTest.show(PageTablesView.ID, PageTablesView.class);
        enlarged(pages, "view-page-tables");
        Bot.run(() -> pages.showTab(Tab.FRAMES));
        enlarged(pages, "view-page-tables-frames");
        Bot.run(() -> pages.showTab(Tab.RANGES));
        Bot.run(() -> BytesView.open(Bot.window().getActivePage(), null, pages.model().selected().addressSpace(), 0x40_0000));
        take("view-bytes", ViewsTest.show(BytesView.ID, BytesView.class));
        ThreadsView threads = ViewsTest.show(ThreadsView.ID, ThreadsView.class);
        take("view-threads", threads);
        take("view-wait-for", ViewsTest.show(WaitForView.ID, WaitForView.class));
        take("view-memory", ViewsTest.show(MemoryView.ID, MemoryView.class));
        take("view-objects", ViewsTest.show(ObjectsView.ID, ObjectsView.class));
        DerivationView derivation = ViewsTest.show(DerivationView.ID, DerivationView.class);
        Bot.waitFor("a graph", () -> derivation.model() != null && derivation.canvas().cellCount() > 0);
        Bot.run(() -> derivation.canvas().setFocus());
        Bot.key(0, SWT.HOME, '\0');
        take("view-derivation", derivation);
    }

    /** With the whole window for itself, so that picture and list both have room. */
    private static void enlarged(PageTablesView view, String name) {
        Bot.run(() -> Bot.window().getActivePage().toggleZoom(Bot.window().getActivePage().getReference(view)));
        take(name, view);
        Bot.run(() -> Bot.window().getActivePage().toggleZoom(Bot.window().getActivePage().getReference(view)));
        Bot.sleep(500);
    }

    private static void take(String name, LiveView<?> view) {
        Bot.waitFor("something to see", () -> view.model() != null);
        Bot.sleep(1500);
        Bot.picture(Bot.ui(() -> {
            Composite at = view.tableControl().getParent();
            while (!(at instanceof CTabFolder stack && stack.getItemCount() > 0 && stack.getTabPosition() == SWT.TOP)) {
                at = at.getParent();
            }
            return at;
        }), name);
    }
}
