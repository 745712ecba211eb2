package org.veridianos.ide.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.eclipse.swt.graphics.ImageData;
import org.eclipse.ui.ide.ResourceUtil;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.launch.Machines;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.ui.console.GuestConsole;
import org.veridianos.ide.ui.console.GuestConsoles;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;

/** The second of two runs in one workspace: finds what {@link BeforeRestart} left. */
@ExtendWith(UiWatchdog.class)
class AfterRestart {

    @AfterAll
    static void removeTheProject() throws Exception {
        for (MachineProcess left : Machines.running()) {
            left.terminate();
        }
        for (KernelProject project : KernelProject.all()) {
            project.resource().delete(false, true, null);
        }
        Files.deleteIfExists(Restart.KERNEL.resolve(".project"));
    }

    @Test
    void theWindowIsAsItWas() {
        assertEquals("org.veridianos.ide.ui.perspective", Bot.ui(() -> Restart.page().getPerspective().getId()));
        assertEquals(Restart.EDITED.stream().map(Restart::name).toList(), Restart.tabs());
        assertEquals(Restart.EDITED.getLast(), Bot.ui(() -> ResourceUtil.getFile(Restart.page().getActiveEditor().getEditorInput()).getProjectRelativePath().toString()));
        assertNotNull(Bot.ui(() -> Restart.page().findViewReference(Restart.VIEW)));
    }

    @Test
    void theMachineThatStayedIsAttachedWithItsOutputAndTakesKeys() throws Exception {
        Bot.waitFor("the machine", () -> !Machines.running().isEmpty());
        MachineProcess machine = Machines.running().getFirst();
        GuestConsole console = Bot.waitFor("its console", () -> GuestConsoles.of(machine));
        Bot.waitFor("what it printed before", () -> console.terminal().allText().contains("init: ready, 2 cpus"));
        console.type("help\r".getBytes(StandardCharsets.US_ASCII));
        Bot.waitFor("the guest's answer", () -> console.terminal().allText().lastIndexOf("help") > console.terminal().allText().indexOf("init: ready"));
        ImageData picture = Bot.picture("after-restart");
        assertTrue(picture.width > 0);
        machine.terminate();
        Bot.waitFor("the machine to end", machine::isTerminated);
    }
}
