package org.veridianos.ide.ui.tests.bot;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** What of the platform is known to keep the UI thread longer than the watchdog allows, why, and for how long at most. */
enum PlatformOperation {

    /** The dialog of all launch configurations makes its tool bar, its tree and every tab of the selected one in a single event. */
    LAUNCH_CONFIGURATIONS_DIALOG(300, "org.eclipse.debug.internal.ui.launchConfigurations.LaunchConfigurationsDialog.open"),
    /** A dialog's widgets, from its style to its window, in a single event; what happens while it is open is not meant. */
    DIALOG(250, "org.eclipse.jface.window.Window.open", "org.eclipse.jface.window.Window.create"),
    /** A new editor's part: the viewer with its rulers, the contributions to tool bar and status line, and the style of each widget. */
    EDITOR(250, "org.eclipse.ui.internal.WorkbenchPage.busyOpenEditor"),
    /** A view that is shown for the first time, with its tool bar, its menu and the style of each widget. */
    VIEW(250, "org.eclipse.ui.internal.WorkbenchPage.busyShowView"),
    /** The Project Explorer, when a project comes: it asks every contribution about it and draws icons of a kind for the first time. */
    PROJECT_EXPLORER(250, "org.eclipse.ui.navigator.CommonViewer.refresh"),
    /** Another theme: every widget of the window gets its style anew. */
    THEME(300, "org.eclipse.e4.ui.css.swt.internal.theme.ThemeEngine.setTheme"),
    /** The end of the workbench takes every part down in one event; nobody waits for an answer any more. */
    CLOSE(500, "org.eclipse.ui.internal.Workbench.close"),
    /** The computer or the whole virtual machine stood still: the watcher, which has nothing to wait for, did not run either. */
    STANDSTILL(2000);

    private final int limitMs;
    private final List<String> frames;

    PlatformOperation(int limitMs, String... frames) {
        this.limitMs = limitMs;
        this.frames = List.of(frames);
    }

    int limitMs() {
        return limitMs;
    }

    /** The operation whose method stands in {@code stack}; the first in the order of this list. */
    static Optional<PlatformOperation> in(List<StackTraceElement> stack) {
        return Arrays.stream(values()).filter(operation -> stack.stream().anyMatch(operation::isNamedBy)).findFirst();
    }

    private boolean isNamedBy(StackTraceElement frame) {
        String method = frame.getClassName() + "." + frame.getMethodName();
        return frames.stream().anyMatch(method::startsWith);
    }
}
