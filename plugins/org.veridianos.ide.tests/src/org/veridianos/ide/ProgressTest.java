package org.veridianos.ide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.core.resources.IncrementalProjectBuilder;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.NullProgressMonitor;
import org.eclipse.core.runtime.OperationCanceledException;
import org.eclipse.debug.core.ILaunchManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.veridianos.build.Target;
import org.veridianos.ide.build.VeridianBuilder;
import org.veridianos.ide.launch.LaunchConfigurations;
import org.veridianos.ide.project.CreateKernelProject;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.project.OpenCheckout;
import org.veridianos.ide.project.Trust;

/** Every operation that may take over a second says what it does, how far it is, and ends when it is cancelled. */
@Timeout(60)
class ProgressTest {

    @TempDir
    Path temporary;
    FakeKernel kernel;

    /** What an operation reported. */
    private static final class Heard extends NullProgressMonitor {
        private final StringBuffer names = new StringBuffer();
        private volatile int total;
        private volatile double worked;

        @Override
        public void beginTask(String name, int totalWork) {
            names.append(name).append('\n');
            total = Math.max(total, totalWork);
        }

        @Override
        public void setTaskName(String name) {
            names.append(name).append('\n');
        }

        @Override
        public void subTask(String name) {
            names.append(name).append('\n');
        }

        @Override
        public void worked(int work) {
            worked += work;
        }

        @Override
        public void internalWorked(double work) {
            worked += work;
        }

        void check(String word) {
            assertTrue(names.toString().contains(word), "it says what it does: " + names);
            assertTrue(total > 0 && worked > 0 && worked <= total * 1.001, "it says how far it is: " + worked + " of " + total);
        }
    }

    /** Something with a monitor. */
    private interface Operation {
        void run(IProgressMonitor monitor) throws Exception;
    }

    @BeforeEach
    void layOut() throws Exception {
        kernel = new FakeKernel(temporary);
    }

    @AfterEach
    void close() throws Exception {
        kernel.close();
    }

    private static void cancelled(Operation operation) {
        Heard monitor = new Heard();
        monitor.setCanceled(true);
        Exception end = assertThrows(Exception.class, () -> operation.run(monitor));
        assertTrue(end instanceof OperationCanceledException || end instanceof CoreException refused && refused.getStatus().getSeverity() == IStatus.CANCEL, end.toString());
    }

    /** Cancels while cargo sleeps; result: whether it ended within a second. */
    private void cancelledWhileCargoRuns(Operation operation) throws Exception {
        Path started = temporary.resolve("started");
        kernel.cargo("touch '" + started + "'; sleep 60");
        Heard monitor = new Heard();
        AtomicReference<Exception> end = new AtomicReference<>();
        Thread thread = Thread.ofPlatform().start(() -> {
            try {
                operation.run(monitor);
            } catch (Exception cancelled) {
                end.set(cancelled);
            }
        });
        while (!Files.exists(started)) {
            Thread.sleep(10);
        }
        monitor.setCanceled(true);
        assertTrue(thread.join(java.time.Duration.ofMillis(TimeUnit.SECONDS.toMillis(2))), "it does not end");
        Files.delete(started);
    }

    @Test
    void building() throws Exception {
        KernelProject project = kernel.open();
        Heard heard = new Heard();
        project.resource().build(IncrementalProjectBuilder.FULL_BUILD, VeridianBuilder.ID, null, heard);
        heard.check("Building " + project.name());
        cancelledWhileCargoRuns(m -> project.resource().build(IncrementalProjectBuilder.FULL_BUILD, VeridianBuilder.ID, null, m));
    }

    @Test
    void cleaning() throws Exception {
        KernelProject project = kernel.open();
        Path output = Files.createDirectories(project.location().resolve("target").resolve(project.activeTarget().id()));
        for (int i = 0; i < 50; i++) {
            Files.writeString(output.resolve("file" + i), "");
        }
        cancelled(m -> project.resource().build(IncrementalProjectBuilder.CLEAN_BUILD, VeridianBuilder.ID, null, m));
        assertTrue(Files.exists(output));
        Heard heard = new Heard();
        project.resource().build(IncrementalProjectBuilder.CLEAN_BUILD, VeridianBuilder.ID, null, heard);
        heard.check("Cleaning " + project.name());
        assertFalse(Files.exists(output));
    }

    @Test
    void booting() throws Exception {
        KernelProject project = kernel.open();
        Heard heard = new Heard();
        assertThrows(CoreException.class, () -> LaunchConfigurations.of(project, Target.RISCV64.id()).launch(ILaunchManager.RUN_MODE, heard, true), "there is no image");
        heard.check("Building " + project.name());
        cancelledWhileCargoRuns(m -> LaunchConfigurations.of(project, Target.RISCV64.id()).launch(ILaunchManager.RUN_MODE, m, true));
    }

    @Test
    void layingOutANewProject() throws Exception {
        Heard heard = new Heard();
        KernelProject made = new CreateKernelProject("progress", temporary.resolve("new")).execute(heard);
        heard.check("Creating progress");
        assertEquals("progress", made.name());
        cancelled(m -> new CreateKernelProject("cancelled", temporary.resolve("cancelled")).execute(m));
    }

    @Test
    void openingACheckout() throws Exception {
        Trust.trust(kernel.kernel());
        cancelled(m -> new OpenCheckout(kernel.root()).execute(m));
        Heard heard = new Heard();
        new OpenCheckout(kernel.root()).execute(heard);
        heard.check("Opening");
    }
}
