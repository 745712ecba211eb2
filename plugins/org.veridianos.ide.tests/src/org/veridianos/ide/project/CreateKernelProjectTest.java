package org.veridianos.ide.project;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.NullProgressMonitor;
import org.eclipse.core.runtime.OperationCanceledException;
import org.eclipse.debug.core.DebugPlugin;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.veridianos.ide.FakeKernel;
import org.veridianos.ide.launch.LaunchConfigurations;
import org.veridianos.ide.launch.LaunchSettings;

class CreateKernelProjectTest {

    @TempDir
    Path temporary;
    FakeKernel fake;

    @BeforeEach
    void quiet() throws Exception {
        fake = new FakeKernel(temporary);
    }

    @AfterEach
    void close() throws Exception {
        fake.close();
    }

    @Test
    void laysTheKernelOutAnywhere() throws Exception {
        Path folder = temporary.resolve("my kernel é");
        KernelProject project = new CreateKernelProject("My Kernel é", folder).execute(null);
        assertEquals(folder, project.location());
        assertTrue(project.isTrusted());
        assertTrue(project.resource().getFile("Cargo.toml").exists());
        assertTrue(Files.exists(folder.resolve(".gitignore")));
        assertTrue(project.resource().getFolder("target").isDerived());
    }

    @Test
    void sharedLaunchesMeanTheProjectThatHoldsThem() throws Exception {
        KernelProject project = new CreateKernelProject("first", null).execute(null);
        ILaunchConfiguration[] all = DebugPlugin.getDefault().getLaunchManager().getLaunchConfigurations();
        List<String> names = Arrays.stream(all).filter(c -> c.getFile() != null && c.getFile().getProject().equals(project.resource()))
                .map(ILaunchConfiguration::getName).sorted().toList();
        assertTrue(names.containsAll(List.of("VeridianOS aarch64", "VeridianOS riscv64", "VeridianOS x86_64")), names.toString());
        ILaunchConfiguration riscv = LaunchConfigurations.of(project, "riscv64");
        assertEquals(project, LaunchSettings.of(riscv).project());

        project.resource().move(org.eclipse.core.runtime.IPath.fromPortableString("second"), true, null);
        KernelProject renamed = KernelProject.of(org.eclipse.core.resources.ResourcesPlugin.getWorkspace().getRoot().getProject("second")).orElseThrow();
        assertEquals(renamed, LaunchSettings.of(LaunchConfigurations.of(renamed, "riscv64")).project());

        renamed.resource().copy(org.eclipse.core.runtime.IPath.fromPortableString("third"), true, null);
        KernelProject copy = KernelProject.of(org.eclipse.core.resources.ResourcesPlugin.getWorkspace().getRoot().getProject("third")).orElseThrow();
        assertEquals(copy, LaunchSettings.of(LaunchConfigurations.of(copy, "riscv64")).project());

        copy.resource().close(null);
        copy.resource().open(null);
        assertEquals(copy, LaunchSettings.of(LaunchConfigurations.of(copy, "riscv64")).project());
    }

    @Test
    void refusesATakenNameAndAFullFolder() throws Exception {
        new CreateKernelProject("taken", null).execute(null);
        assertTrue(assertThrows(CoreException.class, () -> new CreateKernelProject("taken", null).execute(null)).getMessage().contains("taken"));
        CoreException full = assertThrows(CoreException.class, () -> new CreateKernelProject("other", fake.kernel()).execute(null));
        assertTrue(full.getMessage().contains("not empty"), full.getMessage());
        assertTrue(Files.exists(fake.kernel().resolve("Cargo.toml")));
    }

    @Test
    void cancelLeavesNothing() throws Exception {
        Path folder = temporary.resolve("cancelled");
        NullProgressMonitor monitor = new NullProgressMonitor();
        monitor.setCanceled(true);
        assertThrows(OperationCanceledException.class, () -> new CreateKernelProject("cancelled", folder).execute(monitor));
        assertFalse(Files.exists(folder.resolve("Cargo.toml")));
        assertFalse(Trust.isTrusted(folder));
    }

    @Test
    void readOnlyPlaceIsSaid() throws Exception {
        CoreException refused = assertThrows(CoreException.class, () -> new CreateKernelProject("nowhere", Path.of("/proc/nowhere")).execute(null));
        assertTrue(refused.getMessage().contains("/proc/nowhere"), refused.getMessage());
    }
}
