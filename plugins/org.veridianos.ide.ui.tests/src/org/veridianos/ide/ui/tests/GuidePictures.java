package org.veridianos.ide.ui.tests;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.resources.IncrementalProjectBuilder;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.NullProgressMonitor;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.eclipse.debug.core.ILaunchManager;
import org.eclipse.debug.ui.DebugUITools;
import org.eclipse.debug.ui.IDebugUIConstants;
import org.eclipse.e4.ui.css.swt.theme.IThemeEngine;
import org.eclipse.jface.text.ITextViewer;
import org.eclipse.jface.viewers.StructuredSelection;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.CTabFolder;
import org.eclipse.swt.widgets.Event;
import org.eclipse.swt.widgets.Shell;
import org.eclipse.swt.widgets.Text;
import org.eclipse.swt.widgets.Tree;
import org.eclipse.swt.widgets.TreeItem;
import org.eclipse.ui.IEditorPart;
import org.eclipse.ui.IPageLayout;
import org.eclipse.ui.PartInitException;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.console.IConsoleConstants;
import org.eclipse.ui.dialogs.PreferencesUtil;
import org.eclipse.ui.ide.IDE;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.veridianos.build.Target;
import org.veridianos.ide.launch.LaunchConfigurations;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.launch.Machines;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.ui.console.GuestConsole;
import org.veridianos.ide.ui.console.GuestConsoles;
import org.veridianos.ide.ui.tests.bot.Bot;

/**
 * Takes the pictures of the user guide with the real kernel. Not a test: {@code docs/user-guide/pictures.sh} runs it, once
 * for each kind of picture ({@code -Dveridian.pictures.kind=light|dark|double}).
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class GuidePictures {

    private static final String KIND = "veridian.pictures.kind";
    private static final long PATIENCE = 400_000_000_000L;

    @AfterEach
    void endMachines() throws CoreException {
        for (MachineProcess process : Machines.running()) {
            process.terminate();
        }
    }

    @Test
    @Order(1)
    @EnabledIfSystemProperty(named = KIND, matches = "light")
    void welcome() {
        Bot.tidy();
        Bot.run(() -> PlatformUI.getWorkbench().getIntroManager().showIntro(Bot.window(), false));
        Bot.sleep(500);
        Bot.picture("welcome");
    }

    @Test
    @Order(2)
    @EnabledIfSystemProperty(named = KIND, matches = "light")
    void dialogs() throws CoreException {
        Bot.tidy();
        KernelProject kernel = KernelFixture.project();
        Bot.command("org.veridianos.ide.ui.openCheckout");
        Shell open = Bot.shell("Open Existing Kernel Checkout");
        Text folder = Bot.one(open, Text.class, t -> t.isVisible() && t.getEditable());
        Bot.run(() -> folder.setText(kernel.location().toString()));
        Bot.picture(open, "wizard-open-checkout");
        Bot.press(open, "Cancel");
        Bot.waitFor("the wizard to close", open::isDisposed);
        Shell window = Bot.window().getShell();
        Bot.display().asyncExec(() -> PreferencesUtil.createPreferenceDialogOn(window, "org.veridianos.ide.ui.tools", null, null).open());
        Shell preferences = Bot.shell("Preferences");
        Bot.sleep(2000);
        Bot.picture(preferences, "preferences");
        Bot.press(preferences, "Cancel");
        Bot.waitFor("the dialog to close", preferences::isDisposed);
        ILaunchConfiguration configuration = LaunchConfigurations.of(kernel, Target.AARCH64.id());
        Bot.display().asyncExec(() -> DebugUITools.openLaunchConfigurationDialogOnGroup(window, new StructuredSelection(configuration),
                IDebugUIConstants.ID_RUN_LAUNCH_GROUP));
        Shell launch = Bot.shell("Run Configurations");
        Bot.waitFor("the tabs", () -> !Bot.find(launch, CTabFolder.class, f -> f.getItemCount() == 3 && f.isVisible()).isEmpty());
        Bot.sleep(1000);
        Bot.picture(launch, "launch-machine");
        Bot.press(launch, "Close");
        Bot.waitFor("the dialog to close", launch::isDisposed);
    }

    @Test
    @Order(3)
    void workbench() throws CoreException {
        String kind = System.getProperty(KIND, "light");
        Bot.tidy();
        if (kind.equals("dark")) {
            Bot.run(() -> PlatformUI.getWorkbench().getService(IThemeEngine.class).setTheme("org.eclipse.e4.ui.css.theme.e4_dark", true));
        }
        KernelProject kernel = KernelFixture.project();
        kernel.setActiveTarget(Target.X86_64);
        ITextViewer viewer = edit(kernel.resource().getFile("src/lock.rs"));
        Bot.run(() -> viewer.getTextWidget().setTopIndex(0));
        expand(Bot.find(Bot.window().getShell(), Tree.class, t -> t.isVisible()).get(0), kernel.name());
        GuestConsole console = boot(kernel);
        showView(IConsoleConstants.ID_CONSOLE_VIEW);
        Bot.run(() -> Bot.window().getActivePage().activate(Bot.window().getActivePage().getActiveEditor()));
        Bot.sleep(1000);
        Bot.picture(kind.equals("light") ? "workbench" : "workbench-" + kind);
        if (kind.equals("light")) {
            console.type("help\r".getBytes(StandardCharsets.US_ASCII));
            Bot.sleep(500);
            Bot.picture(Bot.find(Bot.window().getShell(), CTabFolder.class, f -> f.getItemCount() > 0 && f.getItem(0).getText().equals("Console")).get(0), "console");
        }
    }

    @Test
    @Order(4)
    @EnabledIfSystemProperty(named = KIND, matches = "light")
    void editorAndProblems() throws CoreException {
        Bot.tidy();
        KernelProject kernel = KernelFixture.project();
        IFile file = kernel.resource().getFile("src/lib.rs");
        byte[] original = file.readAllBytes();
        try {
            String broken = new String(original, StandardCharsets.UTF_8) + "\n/// Says how many pages there are.\npub fn pages() -> u32 {\n    let unused = 1;\n    \"many\"\n}\n";
            file.setContents(new ByteArrayInputStream(broken.getBytes(StandardCharsets.UTF_8)), IResource.FORCE, null);
            kernel.resource().build(IncrementalProjectBuilder.INCREMENTAL_BUILD, new NullProgressMonitor());
            ITextViewer viewer = edit(file);
            Bot.run(() -> viewer.setSelectedRange(broken.indexOf("\"many\""), 0));
            Bot.run(() -> viewer.revealRange(broken.length() - 2, 1));
            showView(IPageLayout.ID_PROBLEM_VIEW);
            Bot.sleep(1500);
            expand(Bot.find(Bot.window().getShell(), Tree.class, t -> t.isVisible() && t.getColumnCount() > 3).get(0), "");
            Bot.sleep(500);
            Bot.picture("problems");
        } finally {
            file.setContents(new ByteArrayInputStream(original), IResource.FORCE, null);
            kernel.resource().build(IncrementalProjectBuilder.INCREMENTAL_BUILD, new NullProgressMonitor());
        }
        ITextViewer editor = edit(kernel.resource().getFile("src/lock.rs"));
        Bot.run(() -> editor.getTextWidget().setTopIndex(30));
        Bot.sleep(500);
        Bot.picture(Bot.ui(() -> editor.getTextWidget().getParent()), "editor");
    }

    private static ITextViewer edit(IFile file) {
        IEditorPart editor = Bot.ui(() -> IDE.openEditor(Bot.window().getActivePage(), file));
        return Bot.ui(() -> editor.getAdapter(ITextViewer.class));
    }

    /** Opens the top items of a tree whose text holds {@code part}, as a click on their arrows does. */
    private static void expand(Tree tree, String part) {
        Bot.run(() -> {
            for (TreeItem item : tree.getItems()) {
                if (item.getText().contains(part)) {
                    Event event = new Event();
                    event.item = item;
                    tree.notifyListeners(SWT.Expand, event);
                    item.setExpanded(true);
                }
            }
        });
        Bot.sleep(800);
    }

    private static void showView(String id) {
        Bot.run(() -> {
            try {
                Bot.window().getActivePage().showView(id);
            } catch (PartInitException notShown) {
                throw new AssertionError(notShown);
            }
        });
    }

    private static GuestConsole boot(KernelProject kernel) throws CoreException {
        ILaunchConfiguration configuration = LaunchConfigurations.of(kernel, Target.X86_64.id());
        Bot.run(() -> DebugUITools.launch(configuration, ILaunchManager.RUN_MODE));
        Bot.waitFor("the machine to start", PATIENCE, () -> !Machines.running().isEmpty());
        GuestConsole console = Bot.waitFor("its console", () -> GuestConsoles.of(Machines.running().get(0)));
        Bot.waitFor("init's ready line", PATIENCE, () -> console.terminal().allText().contains("init: ready"));
        return console;
    }
}
