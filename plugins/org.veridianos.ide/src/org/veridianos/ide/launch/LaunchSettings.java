package org.veridianos.ide.launch;

import java.util.List;
import java.util.Map;
import java.util.HashMap;
import java.io.File;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.eclipse.osgi.util.NLS;
import org.veridianos.build.Image;
import org.veridianos.build.Target;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.Messages;
import org.veridianos.ide.Tools;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.machine.MachineConfig;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profile;
import org.veridianos.machine.Size;
import org.veridianos.machine.Words;

/**
 * A launch configuration, read and checked.
 *
 * @param project       the kernel
 * @param profile       the machine
 * @param cpus          CPUs
 * @param memory        RAM in bytes
 * @param nodes         NUMA nodes
 * @param kernelArgs    the kernel's command line after the profile's words
 * @param qemuArguments more words for QEMU
 * @param release       whether the shipped configuration is booted
 * @param outlives      whether the machine goes on when the IDE is closed
 */
public record LaunchSettings(KernelProject project, Profile profile, int cpus, long memory, int nodes, String kernelArgs,
        List<String> qemuArguments, boolean release, boolean outlives) {

    /** Keeps init alive when no program is named: the user looks at a running kernel, not at one that has ended. */
    private static final String INTERACTIVE = "interactive";

    /**
     * Reads {@code configuration}.
     *
     * @throws CoreException when it cannot be launched; the message says what to change
     */
    public static LaunchSettings of(ILaunchConfiguration configuration) throws CoreException {
        KernelProject project = project(configuration);
        try {
            String id = configuration.getAttribute(LaunchAttributes.PROFILE, "");
            Profile profile = project.profiles().get(id.isBlank() ? project.activeTarget().id() : id);
            int cpus = configuration.getAttribute(LaunchAttributes.CPUS, 0);
            String memory = configuration.getAttribute(LaunchAttributes.MEMORY, "");
            return new LaunchSettings(project, profile, cpus > 0 ? cpus : profile.cpus(), memory.isBlank() ? profile.memory() : size(memory),
                    Math.max(1, configuration.getAttribute(LaunchAttributes.NODES, 1)), kernelArgs(configuration),
                    words(configuration.getAttribute(LaunchAttributes.QEMU_ARGUMENTS, "")),
                    configuration.getAttribute(LaunchAttributes.RELEASE, false), configuration.getAttribute(LaunchAttributes.OUTLIVES, false));
        } catch (MachineException unknown) {
            throw IdePlugin.error(unknown.getMessage(), unknown);
        }
    }

    /** The kernel that {@code configuration} means: the named project, else the one that holds the file, else the only one. */
    public static KernelProject project(ILaunchConfiguration configuration) throws CoreException {
        String name = configuration.getAttribute(LaunchAttributes.PROJECT, "");
        IFile file = configuration.getFile();
        IProject resource;
        if (!name.isBlank()) {
            resource = ResourcesPlugin.getWorkspace().getRoot().getProject(name);
        } else if (file != null) {
            resource = file.getProject();
        } else {
            List<KernelProject> kernels = KernelProject.all();
            if (kernels.size() != 1) {
                throw IdePlugin.error(NLS.bind(Messages.Launch_noProject, configuration.getName()));
            }
            return kernels.get(0);
        }
        if (!resource.isOpen()) {
            throw IdePlugin.error(NLS.bind(Messages.Launch_projectClosed, configuration.getName(), resource.getName()));
        }
        return KernelProject.of(resource).orElseThrow(() -> IdePlugin.error(NLS.bind(Messages.Launch_notKernel, configuration.getName(), resource.getName())));
    }

    /** What to build for it. */
    public Target target() {
        return Target.of(profile.architecture().id());
    }

    /** The machine to start with {@code image}. */
    public MachineConfig machine(Image image) {
        return MachineConfig.of(profile, image.elf(), image.boot(), image.initrd()).withCpus(cpus).withMemory(memory).withNodes(nodes)
                .withKernelArgs(kernelArgs).withExtraArgs(qemuArguments);
    }

    /** Where QEMU is looked for: the preferred folder first, then as usual. */
    static Map<String, String> environment() {
        Map<String, String> environment = new HashMap<>(System.getenv());
        Tools.QEMU.preferred().ifPresent(folder -> environment.merge("PATH", folder.toString(), (path, first) -> first + File.pathSeparator + path));
        return environment;
    }

    private static String kernelArgs(ILaunchConfiguration configuration) throws CoreException {
        String boot = configuration.getAttribute(LaunchAttributes.BOOT_ARGUMENTS, "").strip();
        String program = configuration.getAttribute(LaunchAttributes.PROGRAM, "").strip();
        return program.isEmpty() ? (INTERACTIVE + " " + boot).strip() : (boot + " -- " + program).strip();
    }

    private static long size(String text) throws CoreException {
        try {
            return Size.parse(text);
        } catch (IllegalArgumentException malformed) {
            throw IdePlugin.error(NLS.bind(Messages.Launch_badSize, malformed.getMessage()), malformed);
        }
    }

    private static List<String> words(String line) throws CoreException {
        try {
            return Words.split(line);
        } catch (IllegalArgumentException malformed) {
            throw IdePlugin.error(NLS.bind(Messages.Launch_badWords, malformed.getMessage()), malformed);
        }
    }
}
