package org.veridianos.ide.build;

import java.util.Map;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.resources.IResourceDelta;
import org.eclipse.core.resources.IncrementalProjectBuilder;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.OperationCanceledException;
import org.eclipse.core.runtime.SubMonitor;
import org.eclipse.core.runtime.jobs.ISchedulingRule;
import org.veridianos.build.BuildResult;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.project.KernelProject;

/**
 * <i>Build</i> and <i>Build Automatically</i>: builds the project's active architecture and replaces its markers.
 *
 * <p>cargo decides what is out of date. The builder holds no workspace lock meanwhile, so saving a file never waits for a
 * compiler; it writes nothing but markers.
 */
public final class VeridianBuilder extends IncrementalProjectBuilder {

    /** The builder's id. */
    public static final String ID = IdePlugin.ID + ".builder";

    /** Marker type of everything that a build reports. */
    public static final String PROBLEM = IdePlugin.ID + ".problem";

    @Override
    public ISchedulingRule getRule(int kind, Map<String, String> args) {
        return null;
    }

    @Override
    protected IProject[] build(int kind, Map<String, String> args, IProgressMonitor monitor) throws CoreException {
        KernelProject project = KernelProject.of(getProject()).orElse(null);
        if (project == null || kind == AUTO_BUILD && !concernsCargo(getDelta(getProject()))) {
            return null;
        }
        if (!project.isTrusted()) {
            Problems.of(project).untrusted();
            return null;
        }
        BuildOperation operation = new BuildOperation(project, project.activeTarget(), project.isRelease());
        try {
            BuildResult result = operation.execute(monitor);
            if (result.outcome() == BuildResult.Outcome.CANCELLED) {
                throw new OperationCanceledException();
            }
        } catch (CoreException notStarted) {
            // A marker says it; an exception would open a dialog at every save.
            Problems.of(project).replace(project.activeTarget(), notStarted.getStatus().getMessage());
        }
        return null;
    }

    @Override
    protected void clean(IProgressMonitor monitor) throws CoreException {
        KernelProject project = KernelProject.of(getProject()).orElse(null);
        if (project == null) {
            return;
        }
        SubMonitor progress = SubMonitor.convert(monitor, 2);
        OutputCleaner.clean(project, project.activeTarget(), progress.split(1));
        Problems.of(project).clear(project.activeTarget());
    }

    /** Whether a change may change the kernel: workspace settings, launch files and derived files do not. */
    private static boolean concernsCargo(IResourceDelta delta) throws CoreException {
        if (delta == null) {
            return true;
        }
        boolean[] found = {false};
        delta.accept(change -> {
            IResource resource = change.getResource();
            String name = resource.getName();
            if (found[0] || resource.isDerived() || name.equals(".settings") || name.equals(".git") || name.equals(KernelProject.LAUNCH_FOLDER)) {
                return false;
            }
            boolean content = change.getKind() != IResourceDelta.CHANGED || (change.getFlags() & (IResourceDelta.CONTENT | IResourceDelta.REPLACED)) != 0;
            found[0] = resource.getType() == IResource.FILE && content && !name.equals(".project") && !name.endsWith(".launch");
            return !found[0];
        });
        return found[0];
    }
}
