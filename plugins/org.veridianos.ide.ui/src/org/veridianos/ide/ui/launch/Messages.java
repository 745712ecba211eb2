package org.veridianos.ide.ui.launch;

import org.eclipse.osgi.util.NLS;

/** Texts of the launch tabs. */
final class Messages extends NLS {

    public static String MachineTab_badArguments;
    public static String MachineTab_badMemory;
    public static String MachineTab_bootArguments;
    public static String MachineTab_chooseMachine;
    public static String MachineTab_cpus;
    public static String MachineTab_cpusHint;
    public static String MachineTab_machine;
    public static String MachineTab_memory;
    public static String MachineTab_name;
    public static String MachineTab_noMachine;
    public static String MachineTab_noProject;
    public static String MachineTab_nodes;
    public static String MachineTab_outlives;
    public static String MachineTab_profile;
    public static String MachineTab_project;
    public static String MachineTab_qemuArguments;
    public static String MachineTab_reading;
    public static String MachineTab_release;
    public static String MachineTab_tooManyNodes;
    public static String ProgramTab_hint;
    public static String ProgramTab_name;
    public static String ProgramTab_none;
    public static String ProgramTab_program;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.launch.messages", Messages.class);
    }

    private Messages() {
    }
}
