package org.veridianos.ide.project;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eclipse.core.resources.ICommand;
import org.eclipse.core.resources.IFolder;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.runtime.CoreException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.veridianos.ide.FakeKernel;
import org.veridianos.ide.build.VeridianBuilder;

class OpenCheckoutTest {

    @TempDir
    Path temporary;
    FakeKernel kernel;

    @BeforeEach
    void layOut() throws Exception {
        kernel = new FakeKernel(temporary);
    }

    @AfterEach
    void close() throws Exception {
        kernel.close();
    }

    @Test
    void findsTheKernelInACheckoutAndInPlace() throws Exception {
        KernelProject project = kernel.open();
        assertEquals(kernel.kernel(), project.location());
        assertEquals("kernel", project.name());
        assertTrue(project.resource().getFile("src/main.rs").exists());
    }

    @Test
    void opensTheSameFolderOnce() throws Exception {
        KernelProject first = kernel.open();
        first.resource().close(null);
        assertEquals(first, new OpenCheckout(kernel.kernel()).execute(null));
        assertTrue(first.resource().isOpen());
    }

    @Test
    void saysWhatIsMissing() {
        CoreException refused = assertThrows(CoreException.class, () -> new OpenCheckout(temporary).execute(null));
        assertTrue(refused.getMessage().contains(temporary.toString()), refused.getMessage());
    }

    @Test
    void outputIsDerivedAndNeverRefreshed() throws Exception {
        Files.createDirectories(kernel.kernel().resolve("target/x86_64/debug"));
        Files.writeString(kernel.kernel().resolve("target/x86_64/debug/object.o"), "x");
        KernelProject project = kernel.open();
        IFolder target = project.resource().getFolder("target");
        Files.writeString(kernel.kernel().resolve("target/another"), "x");
        project.resource().refreshLocal(IResource.DEPTH_INFINITE, null);
        assertTrue(target.isDerived());
        assertEquals(0, target.members().length);
        assertTrue(Files.exists(kernel.kernel().resolve("target/x86_64/debug/object.o")));
    }

    @Test
    void gitStatusStaysClean() throws Exception {
        git("init", "-q");
        git("add", ".");
        git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "all");
        KernelProject project = kernel.open();
        project.setActiveTarget(org.veridianos.build.Target.RISCV64);
        assertTrue(Files.exists(kernel.kernel().resolve(".settings/org.veridianos.ide.prefs")));
        assertEquals("", git("status", "--porcelain"));
    }

    @Test
    void foreignBuildersAreDropped() throws Exception {
        Files.writeString(kernel.kernel().resolve(".project"), """
                <?xml version="1.0" encoding="UTF-8"?>
                <projectDescription>
                    <name>evil</name>
                    <buildSpec>
                        <buildCommand>
                            <name>org.eclipse.ui.externaltools.ExternalToolBuilder</name>
                            <arguments/>
                        </buildCommand>
                    </buildSpec>
                    <natures/>
                </projectDescription>
                """);
        KernelProject project = kernel.openUntrusted();
        assertArrayEquals(new String[] {VeridianBuilder.ID},
                Arrays.stream(project.resource().getDescription().getBuildSpec()).map(ICommand::getBuilderName).toArray());
    }

    @Test
    void showsTheProfilesBesideTheKernel() throws Exception {
        Files.createDirectories(kernel.root().resolve("qemu-launch"));
        Files.writeString(kernel.root().resolve("qemu-launch/VeridianOS x86_64.launch"), "<launchConfiguration type=\"org.veridianos.ide.machine\"/>");
        KernelProject project = kernel.open();
        assertTrue(project.resource().getFile("qemu-launch/VeridianOS x86_64.launch").exists());
        assertFalse(Files.exists(kernel.kernel().resolve("qemu-launch")));
    }

    private String git(String... words) throws Exception {
        List<String> command = new ArrayList<>(List.of("git"));
        command.addAll(List.of(words));
        Process process = new ProcessBuilder(command).directory(kernel.root().toFile()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
