package org.veridianos.views.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.NullProgressMonitor;
import org.eclipse.ui.IWorkbenchPage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.ide.inspect.ActiveMachine;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.project.CreateKernelProject;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;
import org.veridianos.views.ui.runqueues.RunQueuesView;

/** Several machines at once: each view shows its own, or the one that is selected. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
class MachinesTest {

    @AfterEach
    void end() throws CoreException {
        Guest.endAll();
    }

    @Test
    void aPinnedViewStaysAndTheOtherFollows() throws CoreException {
        Bot.tidy();
        ViewsTest.perspective();
        MachineProcess one = Guest.boot("x86_64", 1, "");
        MachineProcess three = Guest.boot("x86_64", 3, "");
        RunQueuesView follows = ViewsTest.show(RunQueuesView.ID, RunQueuesView.class);
        RunQueuesView stays = (RunQueuesView) Bot.ui(() -> Bot.window().getActivePage().showView(RunQueuesView.ID, "stays", IWorkbenchPage.VIEW_ACTIVATE));
        Bot.run(() -> stays.pin(one.session().id()));
        Bot.run(() -> ActiveMachine.select(three));
        await(stays, 1, one);
        Bot.run(() -> Bot.window().getActivePage().bringToTop(follows));
        await(follows, 3, three);
        Bot.run(() -> ActiveMachine.select(one));
        await(follows, 1, one);
        Bot.run(() -> ActiveMachine.select(three));
        await(follows, 3, three);
        Bot.run(() -> Bot.window().getActivePage().bringToTop(stays));
        await(stays, 1, one);
        assertEquals("Run Queues: " + one.session().id() + " (x86_64), pinned", Bot.ui(stays::getPartName));
        one.terminate();
        Bot.waitFor("the pinned view to be empty", () -> stays.model() == null);
        Bot.run(() -> stays.pin(null));
        await(stays, 3, three);
        Bot.run(() -> Bot.window().getActivePage().hideView(stays));
    }

    @Test
    void oneOfEachArchitectureFromTwoProjectsAtOnceEachInItsOwnView() throws CoreException {
        Bot.tidy();
        ViewsTest.perspective();
        KernelProject checkout = Guest.project();
        KernelProject other = new CreateKernelProject("Another kernel", null).execute(new NullProgressMonitor());
        try {
            threeMachines(List.of(checkout, other, checkout));
        } finally {
            Guest.endAll();
            other.resource().delete(true, true, null);
        }
    }

    private static void threeMachines(List<KernelProject> projects) throws CoreException {
        List<String> architectures = List.of("x86_64", "aarch64", "riscv64");
        List<MachineProcess> machines = new ArrayList<>();
        List<RunQueuesView> views = new ArrayList<>();
        for (int i = 0; i < architectures.size(); i++) {
            MachineProcess machine = Guest.boot(projects.get(i), architectures.get(i), i + 1, "", false);
            String second = architectures.get(i);
            RunQueuesView view = (RunQueuesView) Bot.ui(() -> Bot.window().getActivePage().showView(RunQueuesView.ID, second, IWorkbenchPage.VIEW_ACTIVATE));
            Bot.run(() -> view.pin(machine.session().id()));
            machines.add(machine);
            views.add(view);
        }
        for (int i = 0; i < architectures.size(); i++) {
            RunQueuesView view = views.get(i);
            Bot.run(() -> Bot.window().getActivePage().bringToTop(view));
            await(view, i + 1, machines.get(i));
            assertEquals(architectures.get(i), Bot.ui(() -> view.snapshot().machine().architecture().id()));
            assertEquals(projects.get(i).location().toString(), Bot.ui(() -> view.snapshot().machine().project()));
            assertEquals(List.of(), Bot.ui(() -> view.snapshot().problems()));
        }
        views.forEach(view -> Bot.run(() -> Bot.window().getActivePage().hideView(view)));
    }

    private static void await(RunQueuesView view, int cpus, MachineProcess machine) {
        Bot.waitFor(cpus + " CPUs of " + machine.session().id(), () -> view.model() != null && view.model().lanes().size() == cpus
                && view.snapshot().machine().id().equals(machine.session().id()) && view.getPartName().contains(machine.session().id()));
    }
}
