package org.veridianos.ide.project;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.ProjectScope;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IPath;
import org.eclipse.core.runtime.preferences.IEclipsePreferences;
import org.osgi.service.prefs.BackingStoreException;
import org.veridianos.build.Target;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.build.BuildJob;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profiles;

/** An open project with the kernel nature: the workspace's project seen as a kernel. */
public record KernelProject(IProject resource) {

    /** Key of the active architecture in the project's preferences, for listeners. */
    public static final String ACTIVE_TARGET = "target";

    /** Key of the build profile ({@code true}: release) in the project's preferences. */
    public static final String RELEASE = "release";

    /** Folder of machine profiles and shared launch configurations, inside the project or linked into it. */
    public static final String LAUNCH_FOLDER = "qemu-launch";

    /** The kernel in {@code project}, if it is open and is one. */
    public static Optional<KernelProject> of(IProject project) {
        try {
            return project != null && project.isOpen() && project.hasNature(KernelNature.ID)
                    ? Optional.of(new KernelProject(project)) : Optional.empty();
        } catch (CoreException closedMeanwhile) {
            return Optional.empty();
        }
    }

    /** All kernels that are open, by name. */
    public static List<KernelProject> all() {
        return Arrays.stream(ResourcesPlugin.getWorkspace().getRoot().getProjects()).flatMap(p -> of(p).stream()).toList();
    }

    /** The project's name. */
    public String name() {
        return resource.getName();
    }

    /** The kernel workspace on disk: the folder with {@code Cargo.toml}. */
    public Path location() {
        IPath location = resource.getLocation();
        if (location == null) {
            throw new IllegalStateException("project " + name() + " is not on this computer's disk");
        }
        return location.toPath();
    }

    /** Whether commands of this kernel may run. */
    public boolean isTrusted() {
        return Trust.isTrusted(location());
    }

    /** The architecture that <i>Build</i> builds; an unknown stored value counts as the first. */
    public Target activeTarget() {
        String id = preferences().get(ACTIVE_TARGET, Target.X86_64.id());
        return Arrays.stream(Target.values()).filter(t -> t.id().equals(id)).findFirst().orElse(Target.X86_64);
    }

    /** Makes another architecture active and, where the workspace builds automatically, builds it. */
    public void setActiveTarget(Target target) {
        if (target != activeTarget()) {
            preferences().put(ACTIVE_TARGET, target.id());
            flush();
            if (ResourcesPlugin.getWorkspace().isAutoBuilding()) {
                new BuildJob(this).schedule();
            }
        }
    }

    /** Whether <i>Build</i> builds the shipped configuration. */
    public boolean isRelease() {
        return preferences().getBoolean(RELEASE, false);
    }

    /** Chooses between the checked and the shipped configuration. */
    public void setRelease(boolean release) {
        preferences().putBoolean(RELEASE, release);
        flush();
    }

    /** Where listeners hear of {@link #ACTIVE_TARGET} and {@link #RELEASE}. */
    public IEclipsePreferences preferences() {
        return new ProjectScope(resource).getNode(IdePlugin.ID);
    }

    /** The machine profiles of this kernel; an untrusted kernel's own ones are not read, because they name programs to start. */
    public Profiles profiles() throws MachineException {
        IPath folder = resource.getFolder(LAUNCH_FOLDER).getLocation();
        return folder != null && isTrusted() && Files.isDirectory(folder.toPath()) ? Profiles.load(folder.toPath()) : Profiles.builtIn();
    }

    private void flush() {
        try {
            preferences().flush();
        } catch (BackingStoreException unwritable) {
            IdePlugin.log("The settings of project " + name() + " could not be saved.", unwritable);
        }
    }
}
