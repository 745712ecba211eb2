package org.veridianos.ide.ui.tests.bot;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.swt.widgets.Shell;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.dialogs.PreferencesUtil;
import org.eclipse.ui.ide.IDE;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Opens each kind of dialog once before anything is measured. The first time, the virtual machine loads and interprets
 * thousands of the platform's classes; what the watchdog judges is our own work.
 */
public final class WarmUp implements BeforeAllCallback {

    private static final AtomicBoolean DONE = new AtomicBoolean();

    @Override
    public void beforeAll(ExtensionContext context) {
        if (!DONE.compareAndSet(false, true)) {
            return;
        }
        Bot.sleep(2000);
        Bot.tidy();
        Bot.run(() -> PlatformUI.getWorkbench().getIntroManager().showIntro(Bot.window(), false));
        Bot.tidy();
        openAndClose("org.veridianos.ide.ui.newProject", "New Veridian Kernel Project", "Cancel");
        openAndClose("org.veridianos.ide.ui.openCheckout", "Open Existing Kernel Checkout", "Cancel");
        openAndClose("org.eclipse.ui.help.aboutAction", "About", "Close");
        Shell window = Bot.window().getShell();
        Bot.display().asyncExec(() -> PreferencesUtil.createPreferenceDialogOn(window, "org.veridianos.ide.ui.tools", null, null).open());
        close("Preferences", "Cancel");
        openASourceFile();
        Bot.command("org.veridianos.ide.ui.guide");
        Bot.waitFor("the guide", () -> Bot.window().getActivePage().getActiveEditor() != null);
        Bot.picture("warm-up");
        Bot.tidy();
        Bot.sleep(1000);
    }

    private static void openASourceFile() {
        IProject project = ResourcesPlugin.getWorkspace().getRoot().getProject("warm-up");
        try {
            project.create(null);
            project.open(null);
            for (String name : new String[] {"a.rs", "a.toml", "a.S"}) {
                IFile file = project.getFile(name);
                file.create(new ByteArrayInputStream("// { }\n\"text\" 1 word(2)\n".repeat(200).getBytes(StandardCharsets.UTF_8)), true, null);
                Bot.ui(() -> IDE.openEditor(Bot.window().getActivePage(), file));
                Bot.idle();
            }
            Bot.tidy();
            project.delete(true, null);
        } catch (CoreException refused) {
            throw new AssertionError(refused);
        }
    }

    private static void openAndClose(String command, String title, String button) {
        Bot.command(command);
        close(title, button);
    }

    private static void close(String title, String button) {
        Shell shell = Bot.shell(title);
        Bot.idle();
        Bot.press(shell, button);
        Bot.waitFor(title + " to close", shell::isDisposed);
    }
}
