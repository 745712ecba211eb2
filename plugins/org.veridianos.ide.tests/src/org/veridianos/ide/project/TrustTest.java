package org.veridianos.ide.project;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.eclipse.core.resources.IMarker;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.resources.IncrementalProjectBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.veridianos.ide.FakeKernel;
import org.veridianos.ide.build.Problems;
import org.veridianos.ide.build.VeridianBuilder;

class TrustTest {

    @TempDir
    Path temporary;

    @Test
    void belongsToTheRealPathAlone() throws Exception {
        Path folder = Files.createDirectories(temporary.resolve("a/b"));
        Path link = Files.createSymbolicLink(temporary.resolve("link"), folder);
        Trust.trust(link);
        assertTrue(Trust.isTrusted(folder));
        assertFalse(Trust.isTrusted(folder.getParent()));
        assertFalse(Trust.isTrusted(Files.createDirectory(folder.resolve("c"))));
        Trust.distrust(folder);
        assertFalse(Trust.isTrusted(link));
    }

    @Test
    void nothingRunsBeforeIt() throws Exception {
        try (FakeKernel kernel = new FakeKernel(temporary)) {
            FakeKernel.autoBuild(true);
            KernelProject project = kernel.openUntrusted();
            FakeKernel.joinBuilds();
            project.resource().build(IncrementalProjectBuilder.FULL_BUILD, null);
            assertEquals(List.of(), kernel.runs());
            IMarker[] markers = project.resource().findMarkers(VeridianBuilder.PROBLEM, true, IResource.DEPTH_INFINITE);
            assertEquals(1, markers.length);
            assertTrue(markers[0].getAttribute(Problems.UNTRUSTED, false));

            Trust.trust(project.location());
            project.resource().build(IncrementalProjectBuilder.FULL_BUILD, null);
            assertEquals(List.of("x86_64"), kernel.runs());
            assertEquals(0, project.resource().findMarkers(VeridianBuilder.PROBLEM, true, IResource.DEPTH_INFINITE).length);
        }
    }
}
