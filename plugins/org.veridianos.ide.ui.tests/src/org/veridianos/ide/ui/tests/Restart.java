package org.veridianos.ide.ui.tests;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.eclipse.ui.IEditorReference;
import org.eclipse.ui.IWorkbenchPage;
import org.veridianos.ide.ui.tests.bot.Bot;

/** What the two runs of the restart test agree on: the first leaves it, the second must find it. */
final class Restart {

    /** The checkout's own kernel, which the tests before have built. */
    static final Path KERNEL = Path.of(System.getProperty("veridian.root")).resolve("kernel");
    /** The files in the editors, in the order of their tabs. */
    static final List<String> EDITED = List.of("src/lib.rs", "src/boot.rs", "Cargo.toml");
    /** A view that the perspective does not show by itself. */
    static final String VIEW = "org.eclipse.ui.views.ProgressView";

    private Restart() {
    }

    /** The names on the editors' tabs. */
    static List<String> tabs() {
        return Bot.ui(() -> Arrays.stream(page().getEditorReferences()).map(IEditorReference::getPartName).toList());
    }

    /** The last part of a path. */
    static String name(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    static IWorkbenchPage page() {
        return Bot.window().getActivePage();
    }
}
