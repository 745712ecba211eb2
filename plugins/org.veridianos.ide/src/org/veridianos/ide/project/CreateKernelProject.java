package org.veridianos.ide.project;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CancellationException;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.IProjectDescription;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.resources.IWorkspace;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IPath;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.OperationCanceledException;
import org.eclipse.core.runtime.SubMonitor;
import org.eclipse.core.runtime.jobs.ISchedulingRule;
import org.eclipse.osgi.util.NLS;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.Messages;
import org.veridianos.ide.launch.LaunchFiles;
import org.veridianos.kernel.KernelSources;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profiles;

/**
 * Makes a new kernel project from the sources that the IDE brings: the kernel workspace, and {@code qemu-launch/} with the
 * launch configurations. What the IDE laid out itself is trusted.
 */
public final class CreateKernelProject {

    /** About as many files as there are; only the progress bar depends on it. */
    private static final int FILES = 200;

    private final String name;
    private final Path location;

    /**
     * @param name     the project's name
     * @param location its folder, absent or empty; null means a folder of that name in the workspace
     */
    public CreateKernelProject(String name, Path location) {
        this.name = name;
        this.location = location;
    }

    /** What {@link #execute} needs to hold. */
    public ISchedulingRule getSchedulingRule() {
        return ResourcesPlugin.getWorkspace().getRoot();
    }

    /** Creates and opens the project. */
    public KernelProject execute(IProgressMonitor monitor) throws CoreException {
        SubMonitor progress = SubMonitor.convert(monitor, NLS.bind(Messages.Project_layingOut, name), 10);
        IWorkspace workspace = ResourcesPlugin.getWorkspace();
        IProject project = workspace.getRoot().getProject(name);
        if (project.exists()) {
            throw IdePlugin.error(NLS.bind(Messages.Project_exists, name));
        }
        Path folder = location == null ? workspace.getRoot().getLocation().append(name).toPath() : location;
        layOut(folder, progress.split(5));
        Trust.trust(folder);
        workspace.run(m -> create(project, SubMonitor.convert(m, 10)), getSchedulingRule(), IWorkspace.AVOID_UPDATE, progress.split(1));
        project.refreshLocal(IResource.DEPTH_INFINITE, progress.split(4));
        return new KernelProject(project);
    }

    private static void layOut(Path folder, SubMonitor progress) throws CoreException {
        try {
            if (Files.exists(folder) && !isEmpty(folder)) {
                throw IdePlugin.error(NLS.bind(Messages.Project_notEmpty, folder));
            }
            Files.createDirectories(folder);
            progress.setWorkRemaining(FILES);
            KernelSources.bundled().layOut(folder, name -> {
                progress.subTask(name);
                progress.worked(1);
                return !progress.isCanceled();
            });
            LaunchFiles.write(Profiles.builtIn().all(), folder.resolve(KernelProject.LAUNCH_FOLDER));
        } catch (CancellationException cancelled) {
            throw new OperationCanceledException();
        } catch (IOException | MachineException refused) {
            throw IdePlugin.error(NLS.bind(Messages.Project_notWritable, folder, refused.getMessage()), refused);
        }
    }

    private static boolean isEmpty(Path folder) throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            return !entries.iterator().hasNext();
        }
    }

    private void create(IProject project, SubMonitor progress) throws CoreException {
        IProjectDescription description = ResourcesPlugin.getWorkspace().newProjectDescription(name);
        if (location != null) {
            description.setLocation(IPath.fromPath(location));
        }
        description.setNatureIds(new String[] {KernelNature.ID});
        project.create(description, progress.split(2));
        project.open(IResource.BACKGROUND_REFRESH, progress.split(2));
        OpenCheckout.makeKernel(project);
        OutputFolders.set(project, progress.split(2));
    }
}
