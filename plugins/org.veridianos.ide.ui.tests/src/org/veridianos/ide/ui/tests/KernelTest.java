package org.veridianos.ide.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.eclipse.core.resources.ICommand;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IMarker;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.IProjectDescription;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.resources.IncrementalProjectBuilder;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IPath;
import org.eclipse.core.runtime.NullProgressMonitor;
import org.eclipse.debug.core.DebugPlugin;
import org.eclipse.debug.core.ILaunch;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.eclipse.debug.core.ILaunchManager;
import org.eclipse.debug.ui.DebugUITools;
import org.eclipse.debug.ui.IDebugUIConstants;
import org.eclipse.jface.text.ITextViewer;
import org.eclipse.jface.viewers.StructuredSelection;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.CTabFolder;
import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.widgets.Button;
import org.eclipse.swt.widgets.Shell;
import org.eclipse.swt.widgets.Text;
import org.eclipse.swt.widgets.ToolItem;
import org.eclipse.ui.IEditorPart;
import org.eclipse.ui.ide.IDE;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.veridianos.build.Target;
import org.veridianos.ide.build.Problems;
import org.veridianos.ide.build.VeridianBuilder;
import org.veridianos.ide.launch.LaunchAttributes;
import org.veridianos.ide.launch.LaunchConfigurations;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.launch.Machines;
import org.veridianos.ide.project.KernelNature;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.ui.console.GuestConsole;
import org.veridianos.ide.ui.console.GuestConsoles;
import org.veridianos.ide.ui.terminal.TerminalCanvas;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;

/** The whole road in the window: wizard, build, markers, boot, console, terminate, with the real kernel and QEMU. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class KernelTest {

    private static final long BUILD_PATIENCE = 400_000_000_000L;
    private static final long BOOT_PATIENCE = 60_000_000_000L;

    private KernelProject kernel;

    @BeforeEach
    void project() throws CoreException {
        Bot.tidy();
        kernel = KernelFixture.project();
        Bot.run(() -> Bot.window().getActivePage().closeAllEditors(false));
    }

    @AfterEach
    void endMachines() throws CoreException {
        for (MachineProcess process : Machines.running()) {
            process.terminate();
        }
        for (ILaunch launch : DebugPlugin.getDefault().getLaunchManager().getLaunches()) {
            DebugPlugin.getDefault().getLaunchManager().removeLaunch(launch);
        }
    }

    @AfterAll
    static void nothingIsLeft() throws Exception {
        assertEquals(List.of(), Machines.running());
    }

    @Test
    @Order(1)
    void theWizardMakesAKernelProject() {
        assertTrue(kernel.resource().getFile("Cargo.toml").exists());
        assertTrue(kernel.resource().getFile("src/lib.rs").exists());
        assertTrue(kernel.isTrusted(), "what the IDE laid out itself is trusted");
        assertEquals(Target.X86_64, kernel.activeTarget());
        assertTrue(kernel.resource().getFile("qemu-launch/VeridianOS x86_64.launch").exists());
    }

    @Test
    @Order(2)
    void theToolbarSwitchesTheArchitecture() {
        Shell shell = Bot.window().getShell();
        Bot.waitFor("the button to show the architecture", () -> !Bot.find(shell, ToolItem.class, t -> t.getText().equals("x86_64")).isEmpty());
        Bot.command("org.veridianos.ide.ui.architecture(org.veridianos.ide.ui.architecture.id=riscv64)");
        Bot.waitFor("riscv64", () -> !Bot.find(shell, ToolItem.class, t -> t.getText().equals("riscv64")).isEmpty());
        assertEquals(Target.RISCV64, kernel.activeTarget());
        Bot.select(Bot.one(shell, ToolItem.class, t -> t.getText().equals("riscv64")));
        Bot.waitFor("the next architecture", () -> kernel.activeTarget() == Target.X86_64);
    }

    @ParameterizedTest
    @Order(3)
    @ValueSource(strings = {"x86_64", "aarch64", "riscv64"})
    void aKernelBootsInTheConsole(String architecture) throws CoreException {
        GuestConsole console = boot(Target.of(architecture));
        awaitReady(console);
        Bot.picture("console-" + architecture);
        TerminalCanvas canvas = Bot.one(Bot.window().getShell(), TerminalCanvas.class, c -> c.isVisible());
        Point cell = Bot.ui(canvas::cellSize);
        assertTrue(cell.x > 3 && cell.y > 6);
        long start = System.nanoTime();
        Bot.select(Bot.one(Bot.window().getShell(), ToolItem.class, t -> "Terminate the Machine".equals(t.getToolTipText())));
        Bot.waitFor("the machine to end", () -> console.process().isTerminated());
        assertTrue(System.nanoTime() - start < 2_000_000_000L, "Terminate ends QEMU at once");
        Bot.waitFor("the reason in the console", () -> console.terminal().allText().contains("terminated"));
    }

    @Test
    @Order(4)
    void keysReachTheGuestRaw() throws CoreException {
        GuestConsole console = boot(Target.X86_64);
        awaitReady(console);
        TerminalCanvas canvas = Bot.one(Bot.window().getShell(), TerminalCanvas.class, c -> c.isVisible());
        Bot.click(canvas, 40, 40);
        assertTrue(Bot.ui(canvas::isFocusControl));
        Bot.type("hello");
        Bot.key(0, SWT.CR, '\r');
        Bot.waitFor("the guest's echo", () -> console.terminal().allText().contains("hello"));
        Bot.key(SWT.CTRL | SWT.SHIFT, 'e', 'e');
        Bot.picture("console-keys");
    }

    @Test
    @Order(5)
    void aProgramsExitStatusIsShown() throws CoreException {
        var copy = LaunchConfigurations.of(kernel, Target.X86_64.id()).getWorkingCopy().copy("exit with 7");
        copy.setAttribute(LaunchAttributes.PROGRAM, "exit 7");
        copy.setAttribute(LaunchAttributes.PROJECT, kernel.name());
        ILaunch launch = copy.launch(ILaunchManager.RUN_MODE, new NullProgressMonitor(), true);
        Bot.waitFor("the guest to end", BOOT_PATIENCE, launch::isTerminated);
        assertEquals(7, launch.getProcesses()[0].getExitValue());
        Bot.waitFor("the status in the console", () -> GuestConsoles.of(launch.getProcesses()[0]).terminal().allText().contains("status 7"));
    }

    @Test
    @Order(6)
    void anErrorBecomesAMarkerThatOpensItsPlace() throws CoreException {
        IFile file = kernel.resource().getFile("src/lib.rs");
        byte[] original = file.readAllBytes();
        int line = new String(original, StandardCharsets.UTF_8).split("\n", -1).length;
        try {
            String broken = new String(original, StandardCharsets.UTF_8) + "fn broken() -> u32 { \"no number\" }\n";
            file.setContents(new ByteArrayInputStream(broken.getBytes(StandardCharsets.UTF_8)), IResource.FORCE, null);
            kernel.resource().build(IncrementalProjectBuilder.INCREMENTAL_BUILD, null);
            IMarker marker = Arrays.stream(file.findMarkers(VeridianBuilder.PROBLEM, true, IResource.DEPTH_ZERO))
                    .filter(m -> m.getAttribute(IMarker.SEVERITY, 0) == IMarker.SEVERITY_ERROR).findFirst().orElseThrow();
            assertTrue(marker.getAttribute(IMarker.MESSAGE, "").contains("mismatched types"), marker.getAttribute(IMarker.MESSAGE, ""));
            assertTrue(marker.getAttribute(Problems.RENDERED, "").contains("expected `u32`"));
            assertEquals(line, marker.getAttribute(IMarker.LINE_NUMBER, 0));
            Bot.run(() -> {
                try {
                    IDE.openEditor(Bot.window().getActivePage(), marker);
                } catch (CoreException notOpened) {
                    throw new AssertionError(notOpened);
                }
            });
            IEditorPart editor = Bot.ui(() -> Bot.window().getActivePage().getActiveEditor());
            ITextViewer viewer = Bot.ui(() -> editor.getAdapter(ITextViewer.class));
            assertEquals(broken.indexOf("\"no number\""), Bot.ui(() -> viewer.getSelectedRange().x));
            Bot.run(() -> {
                try {
                    Bot.window().getActivePage().showView("org.eclipse.ui.views.ProblemView");
                } catch (CoreException notShown) {
                    throw new AssertionError(notShown);
                }
            });
            Bot.sleep(1000);
            Bot.picture("problems");
        } finally {
            file.setContents(new ByteArrayInputStream(original), IResource.FORCE, null);
            kernel.resource().build(IncrementalProjectBuilder.INCREMENTAL_BUILD, null);
        }
        assertEquals(0, file.findMarkers(VeridianBuilder.PROBLEM, true, IResource.DEPTH_ZERO).length);
    }

    @Test
    @Order(7)
    void theLaunchDialogShowsMachineProgramAndCommon() throws CoreException {
        ILaunchConfiguration configuration = LaunchConfigurations.of(kernel, Target.AARCH64.id());
        Shell parent = Bot.window().getShell();
        Bot.display().asyncExec(() -> DebugUITools.openLaunchConfigurationDialogOnGroup(parent, new StructuredSelection(configuration),
                IDebugUIConstants.ID_RUN_LAUNCH_GROUP));
        Shell dialog = Bot.shell("Run Configurations");
        CTabFolder tabs = Bot.waitFor("the tabs", () -> Bot.find(dialog, CTabFolder.class, f -> f.getItemCount() == 3 && f.isVisible()).stream().findFirst().orElse(null));
        assertEquals(List.of("Machine", "Program", "Common"), Bot.ui(() -> Arrays.stream(tabs.getItems()).map(i -> i.getText().replace("&", "")).toList()));
        Bot.waitFor("the profile's RAM as a hint", () -> Bot.find(dialog, Text.class, t -> t.getMessage().matches("\\d+ ?[MG].*")).size() == 1);
        Bot.picture(dialog, "launch-machine");
        Bot.run(() -> tabs.setSelection(1));
        Bot.picture(dialog, "launch-program");
        Bot.press(dialog, "Close");
        Bot.waitFor("the dialog to close", dialog::isDisposed);
    }

    @Test
    @Order(8)
    void aKernelFromOutsideIsNotBuiltUntilItIsTrusted(@TempDir Path outside) throws Exception {
        Path folder = Files.createDirectories(outside.resolve("stranger"));
        Files.createDirectories(folder.resolve("xtask"));
        Files.writeString(folder.resolve("Cargo.toml"), "[workspace]\n");
        IProject project = ResourcesPlugin.getWorkspace().getRoot().getProject("stranger");
        IProjectDescription description = ResourcesPlugin.getWorkspace().newProjectDescription("stranger");
        description.setLocation(IPath.fromPath(folder));
        description.setNatureIds(new String[] {KernelNature.ID});
        ICommand builder = description.newCommand();
        builder.setBuilderName(VeridianBuilder.ID);
        description.setBuildSpec(new ICommand[] {builder});
        project.create(description, null);
        project.open(null);
        try {
            Shell question = Bot.shell("Trust This Location?");
            Bot.picture(question, "trust");
            Bot.press(question, "Not Now");
            Bot.waitFor("the answer", question::isDisposed);
            project.build(IncrementalProjectBuilder.FULL_BUILD, null);
            IMarker[] markers = project.findMarkers(VeridianBuilder.PROBLEM, false, IResource.DEPTH_ZERO);
            assertEquals(1, markers.length);
            assertTrue(markers[0].getAttribute(Problems.UNTRUSTED, false));
            assertEquals(Set.of("Cargo.toml", "xtask"), Arrays.stream(folder.toFile().list()).filter(n -> !n.startsWith(".")).collect(Collectors.toSet()),
                    "nothing of it was run");
        } finally {
            project.delete(false, true, null);
        }
    }

    @Test
    @Order(9)
    void openExistingCheckoutRefusesAFolderWithoutAKernel(@TempDir Path empty) {
        Bot.command("org.veridianos.ide.ui.openCheckout");
        Shell wizard = Bot.shell("Open Existing Kernel Checkout");
        Text folder = Bot.one(wizard, Text.class, t -> t.isVisible() && t.getEditable());
        Bot.run(() -> folder.setText(empty.toString()));
        Bot.waitFor("the message", () -> Bot.find(wizard, Text.class, t -> t.getText().contains("There is no kernel in")).size() == 1);
        assertFalse(Bot.ui(() -> Bot.one(wizard, Button.class, b -> b.getText().replace("&", "").equals("Finish")).isEnabled()));
        Bot.run(() -> folder.setText(kernel.location().toString()));
        Bot.waitFor("Finish", () -> Bot.one(wizard, Button.class, b -> b.getText().replace("&", "").equals("Finish")).isEnabled());
        Bot.picture(wizard, "wizard-open-checkout");
        Bot.press(wizard, "Cancel");
        Bot.waitFor("the wizard to close", wizard::isDisposed);
    }

    private GuestConsole boot(Target target) throws CoreException {
        ILaunchConfiguration configuration = LaunchConfigurations.of(kernel, target.id());
        assertFalse(configuration.isLocal(), "a new project's shared configuration is used");
        Bot.run(() -> DebugUITools.launch(configuration, ILaunchManager.RUN_MODE));
        Bot.waitFor("the machine to start", BUILD_PATIENCE, () -> !Machines.running().isEmpty());
        MachineProcess process = Machines.running().get(0);
        GuestConsole console = Bot.waitFor("its console", () -> GuestConsoles.of(process));
        assertNotNull(console);
        return console;
    }

    private static void awaitReady(GuestConsole console) {
        Bot.waitFor("init's ready line", BOOT_PATIENCE, () -> console.terminal().allText().contains("init: ready"));
    }
}
