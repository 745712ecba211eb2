package org.veridianos.ide.project;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.List;
import org.eclipse.core.resources.IFolder;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.IProjectDescription;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.resources.IWorkspace;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IPath;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.SubMonitor;
import org.eclipse.core.runtime.jobs.ISchedulingRule;
import org.eclipse.osgi.util.NLS;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.Messages;
import org.veridianos.ide.build.VeridianBuilder;

/**
 * Opens kernel sources where they lie. Nothing is copied, and nothing in the folder changes that git would report.
 *
 * <p>The folder may be the kernel workspace itself or a checkout that holds it as {@code kernel/}. A {@code .project}
 * found there may name any builder, and a builder runs commands, so foreign builders are dropped before the first build.
 */
public final class OpenCheckout {

    private final Path folder;

    /** @param folder the kernel workspace, or the checkout around it */
    public OpenCheckout(Path folder) {
        this.folder = folder;
    }

    /** Where the kernel workspace is in {@code folder}, if it is there at all. */
    public static Optional<Path> kernelIn(Path folder) {
        for (Path candidate : List.of(folder, folder.resolve("kernel"))) {
            if (Files.isRegularFile(candidate.resolve("Cargo.toml")) && Files.isDirectory(candidate.resolve("xtask"))) {
                return Optional.of(candidate.toAbsolutePath().normalize());
            }
        }
        return Optional.empty();
    }

    /** What {@link #execute} needs to hold. */
    public ISchedulingRule getSchedulingRule() {
        return ResourcesPlugin.getWorkspace().getRoot();
    }

    /** Opens the project and returns it; one that is in the workspace already is opened and returned. */
    public KernelProject execute(IProgressMonitor monitor) throws CoreException {
        Path kernel = kernelIn(folder).orElseThrow(() -> IdePlugin.error(NLS.bind(Messages.Project_noKernel, folder)));
        SubMonitor progress = SubMonitor.convert(monitor, NLS.bind(Messages.Project_opening, kernel), 10);
        try {
            GitExclude.add(kernel, List.of(".project", ".settings/"));
        } catch (IOException unwritable) {
            throw IdePlugin.error(NLS.bind(Messages.Project_notWritable, kernel, unwritable.getMessage()), unwritable);
        }
        IWorkspace workspace = ResourcesPlugin.getWorkspace();
        IProject project = existing(kernel).orElseGet(() -> workspace.getRoot().getProject(freeName(kernel)));
        workspace.run(m -> open(project, kernel, SubMonitor.convert(m, 10)), getSchedulingRule(), IWorkspace.AVOID_UPDATE, progress.split(3));
        project.refreshLocal(IResource.DEPTH_INFINITE, progress.split(7));
        return new KernelProject(project);
    }

    private static void open(IProject project, Path kernel, SubMonitor progress) throws CoreException {
        if (!project.exists()) {
            IProjectDescription description = ResourcesPlugin.getWorkspace().newProjectDescription(project.getName());
            description.setLocation(IPath.fromPath(kernel));
            description.setNatureIds(new String[] {KernelNature.ID});
            project.create(description, progress.split(2));
        }
        project.open(IResource.BACKGROUND_REFRESH, progress.split(2));
        makeKernel(project);
        OutputFolders.set(project, progress.split(2));
        linkLaunchFolder(project, kernel);
    }

    /** Gives the project our nature and builder and no other builder. */
    static void makeKernel(IProject project) throws CoreException {
        IProjectDescription description = project.getDescription();
        boolean natural = description.hasNature(KernelNature.ID) && description.getBuildSpec().length == 1
                && VeridianBuilder.ID.equals(description.getBuildSpec()[0].getBuilderName());
        if (!natural) {
            description.setBuildSpec(new org.eclipse.core.resources.ICommand[0]);
            description.setNatureIds(new String[0]);
            project.setDescription(description, IResource.FORCE | IResource.AVOID_NATURE_CONFIG, null);
            description.setNatureIds(new String[] {KernelNature.ID});
            project.setDescription(description, IResource.FORCE, null);
        }
    }

    /** Shows the machine profiles and launch configurations that lie beside the kernel in a full checkout. */
    private static void linkLaunchFolder(IProject project, Path kernel) throws CoreException {
        IFolder folder = project.getFolder(KernelProject.LAUNCH_FOLDER);
        if (!folder.exists() && !Files.exists(kernel.resolve(KernelProject.LAUNCH_FOLDER))
                && Files.isDirectory(kernel.resolveSibling(KernelProject.LAUNCH_FOLDER))) {
            folder.createLink(IPath.fromPortableString("PARENT-1-PROJECT_LOC/" + KernelProject.LAUNCH_FOLDER), IResource.BACKGROUND_REFRESH, null);
        }
    }

    private static Optional<IProject> existing(Path kernel) {
        for (IProject project : ResourcesPlugin.getWorkspace().getRoot().getProjects()) {
            IPath location = project.getLocation();
            if (location != null && location.toPath().equals(kernel)) {
                return Optional.of(project);
            }
        }
        return Optional.empty();
    }

    private static String freeName(Path kernel) {
        String wanted = kernel.getFileName().toString();
        String name = wanted;
        for (int n = 2; ResourcesPlugin.getWorkspace().getRoot().getProject(name).exists(); n++) {
            name = wanted + " " + n;
        }
        return name;
    }
}
