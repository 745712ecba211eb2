package org.veridianos.ide.build;

import java.io.IOException;
import java.util.List;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.SubMonitor;
import org.eclipse.osgi.util.NLS;
import org.veridianos.build.BuildListener;
import org.veridianos.build.BuildRequest;
import org.veridianos.build.BuildResult;
import org.veridianos.build.KernelBuilder;
import org.veridianos.build.Target;
import org.veridianos.build.Toolchain;
import org.veridianos.build.ToolchainMissingException;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.Messages;
import org.veridianos.ide.Tools;
import org.veridianos.ide.project.KernelProject;

/**
 * Builds one architecture of one kernel: the same road for the builder, a launch and a test.
 *
 * <p>Other architectures' output and markers stay as they are. A cancelled build leaves the markers of the build before.
 */
public final class BuildOperation {

    /** Work units shown; cargo does not say how many crates are left, so the bar approaches its end. */
    private static final int STEPS = 100;

    private final KernelProject project;
    private final Target target;
    private final boolean release;

    /** @param release the shipped configuration instead of the checked one */
    public BuildOperation(KernelProject project, Target target, boolean release) {
        this.project = project;
        this.target = target;
        this.release = release;
    }

    /**
     * Builds and updates the markers of this architecture.
     *
     * @throws CoreException when cargo was not run at all: the location is untrusted, or no toolchain can build it
     */
    public BuildResult execute(IProgressMonitor monitor) throws CoreException {
        if (!project.isTrusted()) {
            throw new CoreException(new org.eclipse.core.runtime.Status(org.eclipse.core.runtime.IStatus.ERROR, IdePlugin.ID,
                    IdePlugin.UNTRUSTED, NLS.bind(Messages.Build_untrusted, project.location()), null));
        }
        String task = NLS.bind(Messages.Build_task, project.name(), target.id());
        SubMonitor progress = SubMonitor.convert(monitor, task, STEPS);
        // A part of something larger does not rename the whole: there it stands below.
        progress.subTask(task);
        BuildRequest request = new BuildRequest(project.location(), List.of(target), release, false);
        try {
            BuildResult result = new KernelBuilder(toolchain()).build(request, new Progress(progress), progress::isCanceled);
            if (result.outcome() != BuildResult.Outcome.CANCELLED) {
                Problems.of(project).replace(target, result);
            }
                return result;
        } catch (IOException notStarted) {
            throw IdePlugin.error(NLS.bind(Messages.Build_notStarted, notStarted.getMessage()), notStarted);
        }
    }

    private static Toolchain toolchain() throws CoreException {
        try {
            return Tools.toolchain();
        } catch (ToolchainMissingException missing) {
            throw IdePlugin.error(NLS.bind(Messages.Build_noToolchain, missing.getMessage()), missing);
        }
    }

    private record Progress(SubMonitor monitor) implements BuildListener {
        @Override
        public void progress(String what) {
            monitor.subTask(what);
            monitor.setWorkRemaining(STEPS).worked(1);
        }
    }
}
