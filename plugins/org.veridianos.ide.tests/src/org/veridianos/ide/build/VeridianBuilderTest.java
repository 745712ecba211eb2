package org.veridianos.ide.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IMarker;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.resources.IncrementalProjectBuilder;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.jobs.Job;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.veridianos.build.Target;
import org.veridianos.ide.FakeKernel;
import org.veridianos.ide.project.KernelProject;

@Timeout(60)
class VeridianBuilderTest {

    private static final String UNUSED = FakeKernel.message("warning", "unused variable", "unused_variables", 2, 22, 28);

    @TempDir
    Path temporary;
    FakeKernel kernel;
    KernelProject project;

    @BeforeEach
    void open() throws Exception {
        kernel = new FakeKernel(temporary);
        project = kernel.open();
    }

    @AfterEach
    void close() throws Exception {
        kernel.close();
    }

    @Test
    void messagesBecomeMarkersAtTheirPlace() throws Exception {
        kernel.cargo(UNUSED);
        build();
        IMarker[] markers = markers();
        assertEquals(1, markers.length);
        IMarker marker = markers[0];
        String text = Files.readString(kernel.kernel().resolve("src/main.rs"));
        assertEquals("main.rs", marker.getResource().getName());
        assertEquals(2, marker.getAttribute(IMarker.LINE_NUMBER, 0));
        assertEquals(IMarker.SEVERITY_WARNING, marker.getAttribute(IMarker.SEVERITY, -1));
        assertEquals("unused variable [unused_variables]", marker.getAttribute(IMarker.MESSAGE, ""));
        assertEquals("warning: unused variable", marker.getAttribute(Problems.RENDERED, ""));
        assertEquals("unused", text.substring(marker.getAttribute(IMarker.CHAR_START, 0), marker.getAttribute(IMarker.CHAR_END, 0)));
    }

    @Test
    void eachArchitectureHasItsOwnMarkers() throws Exception {
        kernel.cargo("[ $arch = aarch64 ] || exit 0\n" + FakeKernel.message("error", "only here", "E0001", 1, 1, 3) + "exit 101");
        build();
        assertEquals(Map.of(), markersByTarget());
        project.setActiveTarget(Target.AARCH64);
        build();
        assertEquals(Map.of("aarch64", 1), markersByTarget());
        project.setActiveTarget(Target.X86_64);
        build();
        assertEquals(Map.of("aarch64", 1), markersByTarget());
        assertEquals(List.of("x86_64", "aarch64", "x86_64"), kernel.runs());
    }

    @Test
    void markersAreReplacedNotAdded() throws Exception {
        kernel.cargo(UNUSED);
        build();
        build();
        assertEquals(1, markers().length);
        kernel.cargo("");
        build();
        assertEquals(0, markers().length);
    }

    @Test
    void failureWithoutAMessageIsSaid() throws Exception {
        kernel.cargo("echo 'error: No space left on device (os error 28)' >&2; exit 101");
        build();
        assertEquals(1, markers().length);
        assertTrue(markers()[0].getAttribute(IMarker.MESSAGE, "").contains("No space left on device"));
        assertEquals(project.resource(), markers()[0].getResource());
    }

    @Test
    void cancelEndsTheWholeTreeWithinASecondAndKeepsTheMarkers() throws Exception {
        kernel.cargo(UNUSED);
        build();
        Path pid = temporary.resolve("pid");
        kernel.cargo("sh -c 'echo $$ > \"" + pid + "\"; sleep 60; true' & wait");
        BuildJob job = new BuildJob(project);
        job.schedule();
        while (!Files.exists(pid) || Files.size(pid) == 0) {
            Thread.sleep(10);
        }
        ProcessHandle grandchild = ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).orElseThrow();
        long start = System.nanoTime();
        job.cancel();
        job.join();
        long milliseconds = (System.nanoTime() - start) / 1_000_000;
        assertEquals(IStatus.CANCEL, job.getResult().getSeverity());
        assertTrue(isGone(grandchild));
        assertTrue(milliseconds < 1000, milliseconds + " ms");
        assertEquals(1, markers().length);
    }

    @Test
    void savingBuildsAndSettingsDoNot() throws Exception {
        FakeKernel.autoBuild(true);
        FakeKernel.joinBuilds();
        int before = kernel.runs().size();
        IFile file = project.resource().getFile("src/main.rs");
        file.setContents(new ByteArrayInputStream("fn main() {}\n".getBytes()), IResource.FORCE, null);
        FakeKernel.joinBuilds();
        assertEquals(before + 1, kernel.runs().size());
        project.setRelease(true);
        project.resource().refreshLocal(IResource.DEPTH_INFINITE, null);
        FakeKernel.joinBuilds();
        assertEquals(before + 1, kernel.runs().size());
    }

    @Test
    void savingDoesNotWaitForARunningBuild() throws Exception {
        Path go = temporary.resolve("go");
        kernel.cargo("while [ ! -e '" + go + "' ]; do sleep 0.05; done");
        Job job = new BuildJob(project);
        job.schedule();
        while (kernel.runs().isEmpty()) {
            Thread.sleep(10);
        }
        project.resource().getFile("src/main.rs").setContents(new ByteArrayInputStream("// new\n".getBytes()), IResource.FORCE, null);
        ResourcesPlugin.getWorkspace().run(m -> project.resource().getFile("other.rs").create(new ByteArrayInputStream(new byte[0]), true, null), null);
        assertEquals(Job.RUNNING, job.getState());
        Files.createFile(go);
        job.join();
        assertTrue(job.getResult().isOK());
    }

    @Test
    void cleanDeletesOneArchitecture() throws Exception {
        for (String arch : List.of("x86_64", "aarch64")) {
            Files.createDirectories(kernel.kernel().resolve("target/" + arch + "/deep"));
            Files.writeString(kernel.kernel().resolve("target/" + arch + "/deep/file"), "x");
        }
        project.resource().build(IncrementalProjectBuilder.CLEAN_BUILD, null);
        assertFalse(Files.exists(kernel.kernel().resolve("target/x86_64")));
        assertTrue(Files.exists(kernel.kernel().resolve("target/aarch64/deep/file")));
    }

    /** Ended, even if its new parent has not asked for its status yet. */
    private static boolean isGone(ProcessHandle process) throws Exception {
        Path stat = Path.of("/proc/" + process.pid() + "/stat");
        return !process.isAlive() || !Files.exists(stat) || Files.readString(stat).contains(") Z");
    }

    private void build() throws Exception {
        project.resource().build(IncrementalProjectBuilder.INCREMENTAL_BUILD, null);
    }

    private IMarker[] markers() throws Exception {
        return project.resource().findMarkers(VeridianBuilder.PROBLEM, true, IResource.DEPTH_INFINITE);
    }

    private Map<String, Integer> markersByTarget() throws Exception {
        Map<String, Integer> counts = new TreeMap<>();
        Arrays.stream(markers()).forEach(m -> counts.merge(m.getAttribute(Problems.TARGET, ""), 1, Integer::sum));
        return counts;
    }
}
