package org.veridianos.ide.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.core.runtime.Platform;
import org.eclipse.e4.ui.css.swt.theme.IThemeEngine;
import org.eclipse.jface.bindings.Binding;
import org.eclipse.jface.bindings.TriggerSequence;
import org.eclipse.jface.resource.JFaceResources;
import org.eclipse.swt.custom.StyledText;
import org.eclipse.swt.graphics.RGB;
import org.eclipse.swt.widgets.Group;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Link;
import org.eclipse.swt.widgets.Shell;
import org.eclipse.swt.widgets.Text;
import org.eclipse.ui.IEditorPart;
import org.eclipse.ui.IPageLayout;
import org.eclipse.ui.IViewReference;
import org.eclipse.ui.IWorkbenchPage;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.console.IConsoleConstants;
import org.eclipse.ui.dialogs.PreferencesUtil;
import org.eclipse.ui.keys.IBindingService;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.ide.ui.VeridianPerspective;
import org.veridianos.ide.ui.guide.GuideEditor;
import org.veridianos.ide.ui.terminal.TerminalCanvas;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;
import org.veridianos.ide.ui.welcome.StartActions;

/** What people expect of the shell before any kernel is there. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ShellTest {

    @BeforeEach
    void tidy() {
        Bot.tidy();
    }

    @Test
    void thePerspectiveShowsExplorerConsoleAndProblems() {
        IWorkbenchPage page = Bot.window().getActivePage();
        assertEquals(VeridianPerspective.ID, Bot.ui(() -> page.getPerspective().getId()));
        List<String> views = Arrays.stream(Bot.ui(page::getViewReferences)).map(IViewReference::getId).toList();
        for (String id : List.of(IPageLayout.ID_PROJECT_EXPLORER, IConsoleConstants.ID_CONSOLE_VIEW, IPageLayout.ID_PROBLEM_VIEW)) {
            assertTrue(views.contains(id), id);
        }
    }

    @Test
    void welcomeAndEmptyPerspectiveOfferTheSameFourActions() {
        Bot.waitFor("the actions in the empty editor area", () -> offered().equals(List.of(StartActions.COMMANDS)));
        Bot.picture("shell-empty");
        Bot.run(() -> PlatformUI.getWorkbench().getIntroManager().showIntro(Bot.window(), false));
        Bot.idle();
        assertEquals(List.of(StartActions.COMMANDS), offered(), "the welcome page");
        Bot.picture("welcome");
    }

    private static List<String> offered() {
        return Bot.find(Bot.window().getShell(), Link.class, l -> l.getData("veridian.command") != null && l.isVisible()).stream()
                .map(l -> Bot.ui(() -> (String) l.getData("veridian.command"))).toList();
    }

    @Test
    void theWelcomePagesFirstActionOpensTheWizard() {
        Bot.run(() -> PlatformUI.getWorkbench().getIntroManager().showIntro(Bot.window(), false));
        Bot.select(Bot.one(Bot.window().getShell(), Link.class, l -> l.isVisible() && "org.veridianos.ide.ui.newProject".equals(l.getData("veridian.command"))));
        Shell wizard = Bot.shell("New Veridian Kernel Project");
        Bot.press(wizard, "Cancel");
        Bot.waitFor("the wizard to close", wizard::isDisposed);
    }

    @Test
    void aboutNamesTheLicences() {
        Bot.command("org.eclipse.ui.help.aboutAction");
        Shell about = Bot.shell("About");
        Bot.picture(about, "about");
        String text = Bot.ui(() -> {
            StringBuilder all = new StringBuilder();
            Bot.find(about, StyledText.class, t -> true).forEach(t -> all.append(t.getText()));
            return all.toString();
        });
        for (String licence : List.of("Eclipse Public License 2.0", "MIT", "Apache")) {
            assertTrue(text.contains(licence), licence + " in " + text);
        }
        StyledText words = Bot.one(about, StyledText.class, StyledText::isVisible);
        assertTrue(Bot.ui(() -> words.getTextBounds(0, words.getCharCount() - 1).height <= words.getClientArea().height), "all of it is to be seen");
        Bot.press(about, "Close");
        Bot.waitFor("the dialog to close", about::isDisposed);
    }

    @Test
    void theGuideOpensWithoutANetwork() {
        Bot.command("org.veridianos.ide.ui.guide");
        IWorkbenchPage page = Bot.window().getActivePage();
        IEditorPart editor = Bot.waitFor("the guide", () -> page.getActiveEditor() instanceof GuideEditor ? page.getActiveEditor() : null);
        Bot.waitFor("the first page", () -> ((GuideEditor) editor).shownText().contains("Veridian Studio User Guide"));
        Bot.picture("guide");
        assertNotNull(editor.getEditorInput().getPersistable(), "the guide comes back after a restart");
    }

    @Test
    void keyBindingsHaveNoConflicts() {
        IBindingService service = Bot.window().getService(IBindingService.class);
        String scheme = Bot.ui(() -> service.getActiveScheme().getId());
        Map<String, String> taken = new HashMap<>();
        List<String> conflicts = new ArrayList<>();
        for (Binding binding : Bot.ui(service::getBindings)) {
            boolean here = scheme.equals(binding.getSchemeId()) && binding.getParameterizedCommand() != null
                    && (binding.getPlatform() == null || binding.getPlatform().equals(Platform.getWS()));
            if (here) {
                TriggerSequence keys = binding.getTriggerSequence();
                String place = keys.format() + " in " + binding.getContextId();
                String command = binding.getParameterizedCommand().serialize();
                String before = taken.put(place, command);
                boolean ours = command.startsWith("org.veridianos") || before != null && before.startsWith("org.veridianos");
                if (before != null && !before.equals(command) && ours) {
                    conflicts.add(place + ": " + before + " and " + command);
                }
            }
        }
        assertEquals(List.of(), conflicts);
        for (String command : StartActions.COMMANDS) {
            assertTrue(taken.containsValue(command), command + " has no key");
        }
    }

    @Test
    void detectFindsTheTools() {
        Shell parent = Bot.window().getShell();
        Bot.display().asyncExec(() -> PreferencesUtil.createPreferenceDialogOn(parent, "org.veridianos.ide.ui.tools", null, null).open());
        Shell dialog = Bot.shell("Preferences");
        Group qemu = Bot.waitFor("the page", () -> Bot.find(dialog, Group.class, g -> g.getText().equals("QEMU")).stream().findFirst().orElse(null));
        Bot.press(qemu, "Detect");
        Bot.waitFor("QEMU's version", () -> Bot.find(qemu, Label.class, l -> l.getText().contains("QEMU emulator version")).size() == 1);
        String folder = Bot.ui(() -> Bot.one(qemu, Text.class, t -> true).getText());
        assertTrue(folder.startsWith("/"), folder);
        Bot.picture(dialog, "preferences");
        Bot.press(dialog, "Cancel");
        Bot.waitFor("the dialog to close", dialog::isDisposed);
    }

    /** Last, because the platform repaints some texts only after a restart. */
    @Test
    @Order(Integer.MAX_VALUE)
    void theDarkThemeChangesSourceAndConsoleColours() {
        IThemeEngine engine = Bot.ui(() -> PlatformUI.getWorkbench().getService(IThemeEngine.class));
        assertNotNull(engine);
        RGB light = Bot.ui(() -> JFaceResources.getColorRegistry().getRGB(TerminalCanvas.BACKGROUND));
        try {
            Bot.run(() -> engine.setTheme("org.eclipse.e4.ui.css.theme.e4_dark", true));
            Bot.waitFor("a dark console", () -> JFaceResources.getColorRegistry().getRGB(TerminalCanvas.BACKGROUND).red < 64);
            assertNotEquals(light, Bot.ui(() -> JFaceResources.getColorRegistry().getRGB(TerminalCanvas.BACKGROUND)));
            Bot.picture("shell-dark");
        } finally {
            Bot.run(() -> engine.setTheme("org.eclipse.e4.ui.css.theme.e4_default", true));
        }
        Bot.waitFor("a light console", () -> light.equals(JFaceResources.getColorRegistry().getRGB(TerminalCanvas.BACKGROUND)));
    }
}
