package org.veridianos.ide.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IWorkspaceDescription;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.debug.core.ILaunch;
import org.eclipse.debug.core.ILaunchManager;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.ide.IDE;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.build.Target;
import org.veridianos.ide.launch.LaunchAttributes;
import org.veridianos.ide.launch.LaunchConfigurations;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.launch.ReadyLine;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.project.OpenCheckout;
import org.veridianos.ide.project.Trust;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;

/** The first of two runs in one workspace: leaves editors, a view and a machine behind for {@link AfterRestart}. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
class BeforeRestart {

    @Test
    void editorsAViewAndAMachineAreLeftOpen() throws Exception {
        Bot.tidy();
        IWorkspaceDescription description = ResourcesPlugin.getWorkspace().getDescription();
        description.setAutoBuilding(false);
        ResourcesPlugin.getWorkspace().setDescription(description);
        Trust.trust(Restart.KERNEL);
        KernelProject kernel = new OpenCheckout(Restart.KERNEL).execute(null);
        Bot.ui(() -> PlatformUI.getWorkbench().showPerspective("org.veridianos.ide.ui.perspective", Bot.window()));
        for (String path : Restart.EDITED) {
            IFile file = kernel.resource().getFile(path);
            Bot.ui(() -> IDE.openEditor(Restart.page(), file));
        }
        Bot.ui(() -> Restart.page().showView(Restart.VIEW));
        var copy = LaunchConfigurations.of(kernel, Target.RISCV64.id()).copy("stays");
        copy.setAttribute(LaunchAttributes.PROJECT, kernel.name());
        copy.setAttribute(LaunchAttributes.OUTLIVES, true);
        ILaunch launch = copy.launch(ILaunchManager.RUN_MODE, null, true);
        MachineProcess machine = (MachineProcess) launch.getProcesses()[0];
        assertEquals("init: ready, 2 cpus", ReadyLine.of(machine).get(120, TimeUnit.SECONDS));
        assertEquals(Restart.EDITED.stream().map(Restart::name).toList(), Restart.tabs());
        // As a user closes it: the end of the test run alone would not keep the editors.
        assertTrue(Bot.ui(() -> PlatformUI.getWorkbench().close()));
    }
}
