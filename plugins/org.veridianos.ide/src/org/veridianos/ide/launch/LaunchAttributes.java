package org.veridianos.ide.launch;

import org.veridianos.ide.IdePlugin;

/**
 * Attributes of the launch configuration type <i>Veridian Kernel (QEMU)</i>. An attribute that is absent or empty means
 * what the machine profile says, so that a shared configuration holds only what is its own.
 */
public final class LaunchAttributes {

    /** Id of the launch configuration type. */
    public static final String TYPE = IdePlugin.ID + ".machine";

    /** Name of the project; empty means the project that holds the configuration's file. */
    public static final String PROJECT = IdePlugin.ID + ".project";
    /** Id of the machine profile, a file of {@code qemu-launch/}; it also names the architecture. */
    public static final String PROFILE = IdePlugin.ID + ".profile";
    /** Number of CPUs (int). */
    public static final String CPUS = IdePlugin.ID + ".cpus";
    /** RAM, as in {@code 256M}. */
    public static final String MEMORY = IdePlugin.ID + ".memory";
    /** Number of NUMA nodes (int). */
    public static final String NODES = IdePlugin.ID + ".nodes";
    /** Words for the kernel's command line. */
    public static final String BOOT_ARGUMENTS = IdePlugin.ID + ".bootArguments";
    /** More words for QEMU. */
    public static final String QEMU_ARGUMENTS = IdePlugin.ID + ".qemuArguments";
    /** Program of the initrd to run instead of staying in init, with its arguments. */
    public static final String PROGRAM = IdePlugin.ID + ".program";
    /** Builds and boots the shipped configuration (boolean). */
    public static final String RELEASE = IdePlugin.ID + ".release";
    /** The machine goes on when the IDE is closed (boolean). */
    public static final String OUTLIVES = IdePlugin.ID + ".outlives";

    /** Type of the processes that this launch type makes ({@code IProcess.ATTR_PROCESS_TYPE}). */
    public static final String PROCESS_TYPE = IdePlugin.ID + ".machine";

    private LaunchAttributes() {
    }
}
