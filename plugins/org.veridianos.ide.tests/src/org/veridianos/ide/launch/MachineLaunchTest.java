package org.veridianos.ide.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.debug.core.DebugPlugin;
import org.eclipse.debug.core.ILaunch;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.eclipse.debug.core.ILaunchConfigurationWorkingCopy;
import org.eclipse.debug.core.ILaunchManager;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.veridianos.build.Target;
import org.veridianos.ide.FakeKernel;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.build.BuildOperation;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.project.OpenCheckout;
import org.veridianos.ide.project.Trust;
import org.veridianos.machine.Machine;
import org.veridianos.machine.ProcessIdentity;

/** The checkout's own kernel, opened in place and booted by the launch type in real QEMU processes. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class MachineLaunchTest {

    private static final Path KERNEL = Path.of(System.getProperty("veridian.root")).resolve("kernel");

    private static boolean hadProjectFile;
    private static KernelProject project;

    @BeforeAll
    static void open() throws Exception {
        FakeKernel.autoBuild(false);
        hadProjectFile = Files.exists(KERNEL.resolve(".project"));
        Trust.trust(KERNEL);
        project = new OpenCheckout(KERNEL).execute(null);
        if (Images.find(project, Target.X86_64, false).isEmpty()) {
            new BuildOperation(project, Target.X86_64, false).execute(null);
        }
    }

    @AfterAll
    static void close() throws Exception {
        project.resource().delete(false, true, null);
        if (!hadProjectFile) {
            Files.deleteIfExists(KERNEL.resolve(".project"));
        }
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        Trust.trust(KERNEL);
        Machines.endAll();
        ILaunchManager manager = DebugPlugin.getDefault().getLaunchManager();
        manager.removeLaunches(manager.getLaunches());
    }

    @Test
    void threeArchitecturesRunAtOnce() throws Exception {
        project.setActiveTarget(Target.AARCH64);
        List<MachineProcess> machines = new ArrayList<>();
        for (Target target : Target.values()) {
            machines.add(process(LaunchConfigurations.of(project, target.id()).launch(ILaunchManager.RUN_MODE, null, true)));
        }
        for (MachineProcess machine : machines) {
            assertEquals("init: ready, 2 cpus", ReadyLine.of(machine).get(120, TimeUnit.SECONDS));
        }
        assertEquals(Target.AARCH64, project.activeTarget());
        assertEquals(machines, Machines.running());
        List<String> sessions = Machines.sessions().list().stream().map(s -> s.id()).toList();
        for (MachineProcess machine : machines) {
            assertTrue(sessions.contains(machine.session().id()), sessions.toString());
        }
        for (MachineProcess machine : machines) {
            ProcessHandle qemu = ProcessHandle.of(machine.session().qemu().orElseThrow().pid()).orElseThrow();
            long start = System.nanoTime();
            machine.getLaunch().terminate();
            awaitEnd(machine);
            assertFalse(qemu.isAlive());
            assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(2));
            assertEquals("The machine was terminated.", machine.reason().orElseThrow());
            assertFalse(Files.exists(machine.session().folder()));
        }
        assertEquals(List.of(), Machines.running());
    }

    @Test
    void theGuestsStatusIsTheProcesss() throws Exception {
        MachineProcess machine = launch(with(LaunchAttributes.PROGRAM, "exit 7"));
        awaitEnd(machine);
        assertEquals(7, machine.getExitValue());
        assertEquals("The guest ended with status 7.", machine.reason().orElseThrow());
        StringBuilder late = new StringBuilder();
        machine.addListener((bytes, offset, count) -> late.append(new String(bytes, offset, count)));
        assertTrue(late.toString().contains("veridian-exit: 7"), late.toString());
    }

    @Test
    void qemusOwnWordsAreSaid() throws Exception {
        CoreException refused = assertThrows(CoreException.class, () -> launch(with(LaunchAttributes.QEMU_ARGUMENTS, "-no-such-option")));
        assertTrue(refused.getMessage().contains("-no-such-option"), refused.getMessage());
        CoreException little = assertThrows(CoreException.class, () -> launch(with(LaunchAttributes.MEMORY, "8M")));
        assertTrue(little.getMessage().contains("8 MiB"), little.getMessage());
        CoreException malformed = assertThrows(CoreException.class, () -> launch(with(LaunchAttributes.MEMORY, "much")));
        assertTrue(malformed.getMessage().contains("much"), malformed.getMessage());
        CoreException unknown = assertThrows(CoreException.class, () -> launch(with(LaunchAttributes.PROFILE, "vax")));
        assertTrue(unknown.getMessage().contains("vax"), unknown.getMessage());
        assertEquals(List.of(), Machines.running());
    }

    @Test
    void aKilledQemuIsSaid() throws Exception {
        MachineProcess machine = launch(LaunchConfigurations.of(project, "x86_64"));
        ReadyLine.of(machine).get(120, TimeUnit.SECONDS);
        ProcessHandle.of(machine.session().qemu().orElseThrow().pid()).orElseThrow().destroyForcibly();
        awaitEnd(machine);
        assertTrue(machine.reason().orElseThrow().contains("signal 9"), machine.reason().orElseThrow());
        assertEquals(1, machine.getExitValue());
    }

    @Test
    void aMachineThatOutlivedItsIdeComesBackWithWhatItPrinted() throws Exception {
        MachineProcess first = launch(with(LaunchAttributes.OUTLIVES, true));
        ReadyLine.of(first).get(120, TimeUnit.SECONDS);
        Machine machine = first.machine();
        machine.qmp().close();
        Process gone = new ProcessBuilder("true").start();
        gone.waitFor();
        Machines.sessions().update(machine.session().folder(), s -> s.withOwner(new ProcessIdentity(gone.pid(), 1, "gone"), "ide"));
        Machines.remove(first);

        Machines.recover();

        MachineProcess again = Machines.running().get(0);
        assertEquals(first.session().id(), again.session().id());
        assertEquals("init: ready, 2 cpus", ReadyLine.of(again).get(10, TimeUnit.SECONDS));
        assertTrue(Arrays.asList(DebugPlugin.getDefault().getLaunchManager().getLaunches()).contains(again.getLaunch()));
        again.terminate();
        awaitEnd(again);
        assertFalse(machine.isAlive());
    }

    @Test
    void nothingRunsBeforeTrust() throws Exception {
        Trust.distrust(KERNEL);
        CoreException refused = assertThrows(CoreException.class, () -> launch(LaunchConfigurations.of(project, "x86_64")));
        assertEquals(IdePlugin.UNTRUSTED, refused.getStatus().getCode());
        assertEquals(List.of(), Machines.running());
    }

    private static ILaunchConfiguration with(String key, Object value) throws CoreException {
        ILaunchConfigurationWorkingCopy copy = LaunchConfigurations.of(project, "x86_64").copy("with " + key);
        copy.setAttribute(LaunchAttributes.PROJECT, project.name());
        copy.setAttribute(key, value);
        return copy;
    }

    /** Without building: that is the first test's matter. */
    private static MachineProcess launch(ILaunchConfiguration configuration) throws CoreException {
        return process(configuration.launch(ILaunchManager.RUN_MODE, null, false));
    }

    private static MachineProcess process(ILaunch launch) {
        return (MachineProcess) Arrays.stream(launch.getProcesses()).findFirst().orElseThrow();
    }

    private static void awaitEnd(MachineProcess machine) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!machine.isTerminated() && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
        assertTrue(machine.isTerminated());
    }
}
