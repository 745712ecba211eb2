package org.veridianos.ide.ui.tests;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.IProjectDescription;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IPath;
import org.eclipse.debug.ui.DebugUITools;
import org.eclipse.debug.ui.IDebugUIConstants;
import org.eclipse.e4.ui.css.swt.theme.IThemeEngine;
import org.eclipse.jface.viewers.StructuredSelection;
import org.eclipse.swt.custom.CTabFolder;
import org.eclipse.swt.graphics.ImageData;
import org.eclipse.swt.graphics.RGB;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Shell;
import org.eclipse.swt.widgets.Text;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.dialogs.PreferencesUtil;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.veridianos.build.Target;
import org.veridianos.ide.launch.LaunchConfigurations;
import org.veridianos.ide.project.KernelNature;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;

/** Every dialog of the IDE in the dark theme: no part of it stays light. The pictures are for people to look at. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
class DarkDialogsTest {

    private static final String DARK = "org.eclipse.e4.ui.css.theme.e4_dark";
    private static final String LIGHT = "org.eclipse.e4.ui.css.theme.e4_default";
    /** Letters, lines and icons are light and small; a field or a page that stayed light is more. */
    private static final double MOST_LIGHT = 0.06;

    @BeforeAll
    static void dark() throws CoreException {
        KernelFixture.project();
        theme(DARK);
    }

    @AfterAll
    static void light() {
        theme(LIGHT);
    }

    @BeforeEach
    void tidy() {
        Bot.tidy();
    }

    private static void theme(String id) {
        Bot.run(() -> PlatformUI.getWorkbench().getService(IThemeEngine.class).setTheme(id, true));
        Bot.sleep(1000);
    }

    private static void look(Shell dialog, String name) {
        Bot.sleep(300);
        ImageData picture = Bot.picture(dialog, "dark-" + name);
        // Only the dialog itself: its frame belongs to the window manager.
        Rectangle inside = Bot.ui(() -> {
            Rectangle area = Bot.display().map(dialog, null, dialog.getClientArea());
            return new Rectangle(area.x - dialog.getBounds().x, area.y - dialog.getBounds().y, area.width, area.height);
        });
        long light = 0;
        for (int y = inside.y; y < Math.min(picture.height, inside.y + inside.height); y++) {
            for (int x = inside.x; x < Math.min(picture.width, inside.x + inside.width); x++) {
                RGB colour = picture.palette.getRGB(picture.getPixel(x, y));
                light += 299 * colour.red + 587 * colour.green + 114 * colour.blue > 1000 * 170 ? 1 : 0;
            }
        }
        double share = (double) light / inside.width / inside.height;
        assertTrue(share < MOST_LIGHT, name + ": " + Math.round(share * 1000) / 10.0 + " % of it is light");
    }

    private static void close(Shell dialog, String button) {
        Bot.press(dialog, button);
        Bot.waitFor("the dialog to close", dialog::isDisposed);
    }

    @Test
    void wizards(@TempDir Path empty) {
        Bot.command("org.veridianos.ide.ui.newProject");
        Shell wizard = Bot.shell("New Veridian Kernel Project");
        look(wizard, "new-project");
        Text name = Bot.find(wizard, Text.class, t -> t.isVisible() && t.isEnabled() && t.getEditable()).get(0);
        Bot.run(() -> name.setText(KernelFixture.NAME));
        look(wizard, "new-project-error");
        close(wizard, "Cancel");
        Bot.command("org.veridianos.ide.ui.openCheckout");
        Shell open = Bot.shell("Open Existing Kernel Checkout");
        Text folder = Bot.one(open, Text.class, t -> t.isVisible() && t.getEditable());
        Bot.run(() -> folder.setText(empty.toString()));
        look(open, "open-checkout");
        close(open, "Cancel");
    }

    @Test
    void launchTabs() throws CoreException {
        StructuredSelection configuration = new StructuredSelection(LaunchConfigurations.of(KernelFixture.project(), Target.AARCH64.id()));
        Shell window = Bot.window().getShell();
        Bot.display().asyncExec(() -> DebugUITools.openLaunchConfigurationDialogOnGroup(window, configuration, IDebugUIConstants.ID_RUN_LAUNCH_GROUP));
        Shell dialog = Bot.shell("Run Configurations");
        CTabFolder tabs = Bot.waitFor("the tabs", () -> Bot.find(dialog, CTabFolder.class, f -> f.getItemCount() == 3 && f.isVisible()).stream().findFirst().orElse(null));
        for (int tab : List.of(0, 1, 2)) {
            Bot.run(() -> tabs.setSelection(tab));
            look(dialog, "launch-" + tab);
        }
        close(dialog, "Close");
    }

    @Test
    void preferencesAndProperties() throws CoreException {
        Shell window = Bot.window().getShell();
        Bot.display().asyncExec(() -> PreferencesUtil.createPreferenceDialogOn(window, "org.veridianos.ide.ui.tools", null, null).open());
        Shell preferences = Bot.shell("Preferences");
        Bot.sleep(1500);
        look(preferences, "preferences");
        close(preferences, "Cancel");
        IProject project = KernelFixture.project().resource();
        Bot.display().asyncExec(() -> PreferencesUtil.createPropertyDialogOn(window, project, "org.veridianos.ide.ui.kernelProperties", null, null).open());
        Shell properties = Bot.shell("Properties for");
        look(properties, "properties");
        close(properties, "Cancel");
    }

    @Test
    void about() {
        Bot.command("org.eclipse.ui.help.aboutAction");
        Shell about = Bot.shell("About");
        look(about, "about");
        close(about, "Close");
    }

    @Test
    void theQuestionOfTrust(@TempDir Path outside) throws Exception {
        Path folder = Files.createDirectories(outside.resolve("dark stranger"));
        Files.writeString(folder.resolve("Cargo.toml"), "[workspace]\n");
        IProjectDescription description = ResourcesPlugin.getWorkspace().newProjectDescription("dark stranger");
        description.setLocation(IPath.fromPath(folder));
        description.setNatureIds(new String[] {KernelNature.ID});
        IProject project = ResourcesPlugin.getWorkspace().getRoot().getProject("dark stranger");
        project.create(description, null);
        project.open(null);
        try {
            Shell question = Bot.shell("Trust This Location?");
            look(question, "trust");
            close(question, "Not Now");
        } finally {
            project.delete(false, true, null);
        }
    }
}
