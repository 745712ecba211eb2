package org.veridianos.ide.ui;

import java.util.List;
import org.eclipse.ui.IFolderLayout;
import org.eclipse.ui.IPageLayout;
import org.eclipse.ui.IPerspectiveFactory;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.console.IConsoleConstants;
import org.eclipse.ui.views.IViewRegistry;

/**
 * Explorer left, editor above the console in the middle, and right of both, in full height, three stacks of live views: CPUs
 * and threads, capabilities and objects, memory. Views that are not installed leave no gap.
 */
public final class VeridianPerspective implements IPerspectiveFactory {

    /** The perspective's id. */
    public static final String ID = "org.veridianos.ide.ui.perspective";

    private static final String VIEWS = "org.veridianos.views.ui.";
    /** The live views from top to bottom; the first of each stack is open, the others have their place there. */
    private static final List<List<String>> LIVE_VIEWS = List.of(List.of("runQueues", "threads", "waitFor"),
            List.of("capabilities", "derivation", "objects"), List.of("pageTables", "memory", "bytes"));
    private static final float[] LIVE_SHARES = {0.68f, 0.5f};

    /** Places for the views to come: timelines and lists below the editor. */
    private static final String[] BOTTOM_VIEWS = {"org.veridianos.trace.*", "org.veridianos.debug.*", IPageLayout.ID_PROGRESS_VIEW,
            "org.eclipse.search.ui.views.SearchView", IPageLayout.ID_PROP_SHEET};

    @Override
    public void createInitialLayout(IPageLayout layout) {
        String editors = layout.getEditorArea();
        IFolderLayout left = layout.createFolder("left", IPageLayout.LEFT, 0.15f, editors);
        left.addView(IPageLayout.ID_PROJECT_EXPLORER);
        addLiveViews(layout, editors);
        IFolderLayout bottom = layout.createFolder("bottom", IPageLayout.BOTTOM, 0.55f, editors);
        bottom.addView(IConsoleConstants.ID_CONSOLE_VIEW);
        bottom.addView(IPageLayout.ID_PROBLEM_VIEW);
        for (String view : BOTTOM_VIEWS) {
            bottom.addPlaceholder(view);
        }
        layout.addNewWizardShortcut("org.veridianos.ide.ui.newKernelProject");
        layout.addNewWizardShortcut("org.veridianos.ide.ui.openCheckout");
        layout.addNewWizardShortcut("org.eclipse.ui.wizards.new.file");
        layout.addNewWizardShortcut("org.eclipse.ui.wizards.new.folder");
        layout.addShowViewShortcut(IPageLayout.ID_PROJECT_EXPLORER);
        layout.addShowViewShortcut(IConsoleConstants.ID_CONSOLE_VIEW);
        layout.addShowViewShortcut(IPageLayout.ID_PROBLEM_VIEW);
        layout.addShowViewShortcut(IPageLayout.ID_OUTLINE);
        layout.addShowViewShortcut(IPageLayout.ID_PROGRESS_VIEW);
        layout.addActionSet("org.eclipse.debug.ui.launchActionSet");
    }

    private static void addLiveViews(IPageLayout layout, String editors) {
        IViewRegistry installed = PlatformUI.getWorkbench().getViewRegistry();
        String above = null;
        for (int i = 0; i < LIVE_VIEWS.size(); i++) {
            String first = VIEWS + LIVE_VIEWS.get(i).get(0);
            if (installed.find(first) == null) {
                continue;
            }
            IFolderLayout stack = above == null ? layout.createFolder("live" + i, IPageLayout.RIGHT, 0.38f, editors)
                    : layout.createFolder("live" + i, IPageLayout.BOTTOM, 1 - LIVE_SHARES[i - 1], above);
            stack.addView(first);
            for (String view : LIVE_VIEWS.get(i)) {
                stack.addPlaceholder(VIEWS + view + ":*");
                if (!first.endsWith(view)) {
                    stack.addPlaceholder(VIEWS + view);
                }
                layout.addShowViewShortcut(VIEWS + view);
            }
            if (above == null) {
                stack.addPlaceholder(IPageLayout.ID_OUTLINE);
            }
            above = "live" + i;
        }
    }
}
