package org.veridianos.ide.ui;

import org.eclipse.ui.IFolderLayout;
import org.eclipse.ui.IPageLayout;
import org.eclipse.ui.IPerspectiveFactory;
import org.eclipse.ui.IPlaceholderFolderLayout;
import org.eclipse.ui.console.IConsoleConstants;

/**
 * Explorer left, editor in the middle, console and problems below. Views of a running kernel come to the right and
 * beside the console; placeholders keep these places.
 */
public final class VeridianPerspective implements IPerspectiveFactory {

    /** The perspective's id. */
    public static final String ID = "org.veridianos.ide.ui.perspective";

    /** Places for the views to come: graphs and tables beside the editor, timelines and lists below it. */
    private static final String[] SIDE_VIEWS = {"org.veridianos.views.*", IPageLayout.ID_OUTLINE};
    private static final String[] BOTTOM_VIEWS = {"org.veridianos.trace.*", "org.veridianos.debug.*", IPageLayout.ID_PROGRESS_VIEW,
            "org.eclipse.search.ui.views.SearchView", IPageLayout.ID_PROP_SHEET};

    @Override
    public void createInitialLayout(IPageLayout layout) {
        String editors = layout.getEditorArea();
        IFolderLayout left = layout.createFolder("left", IPageLayout.LEFT, 0.22f, editors);
        left.addView(IPageLayout.ID_PROJECT_EXPLORER);
        IFolderLayout bottom = layout.createFolder("bottom", IPageLayout.BOTTOM, 0.62f, editors);
        bottom.addView(IConsoleConstants.ID_CONSOLE_VIEW);
        bottom.addView(IPageLayout.ID_PROBLEM_VIEW);
        for (String view : BOTTOM_VIEWS) {
            bottom.addPlaceholder(view);
        }
        IPlaceholderFolderLayout right = layout.createPlaceholderFolder("right", IPageLayout.RIGHT, 0.65f, editors);
        for (String view : SIDE_VIEWS) {
            right.addPlaceholder(view);
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
}
