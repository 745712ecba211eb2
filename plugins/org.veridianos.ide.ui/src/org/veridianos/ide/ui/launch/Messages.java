package org.veridianos.ide.ui.launch;

import org.eclipse.osgi.util.NLS;

/** Texts of the launch tabs. */
final class Messages extends NLS {

    static String MachineTab_badArguments;
    static String MachineTab_badMemory;
    static String MachineTab_bootArguments;
    static String MachineTab_chooseMachine;
    static String MachineTab_cpus;
    static String MachineTab_cpusHint;
    static String MachineTab_machine;
    static String MachineTab_memory;
    static String MachineTab_name;
    static String MachineTab_noMachine;
    static String MachineTab_noProject;
    static String MachineTab_nodes;
    static String MachineTab_outlives;
    static String MachineTab_profile;
    static String MachineTab_project;
    static String MachineTab_qemuArguments;
    static String MachineTab_reading;
    static String MachineTab_release;
    static String MachineTab_tooManyNodes;
    static String ProgramTab_hint;
    static String ProgramTab_name;
    static String ProgramTab_none;
    static String ProgramTab_program;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.launch.messages", Messages.class);
    }

    private Messages() {
    }
}
