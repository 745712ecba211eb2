package org.veridianos.ide;

import org.eclipse.osgi.util.NLS;

/** Texts for the user. Each error says what is wrong and what to do next. */
public final class Messages extends NLS {

    public static String Build_cleaning;
    public static String Build_location;
    public static String Build_noToolchain;
    public static String Build_notStarted;
    public static String Build_projectProblem;
    public static String Build_task;
    public static String Build_untrusted;
    public static String Launch_badSize;
    public static String Launch_badWords;
    public static String Launch_buildErrors;
    public static String Launch_name;
    public static String Launch_noImage;
    public static String Launch_noProject;
    public static String Launch_notKernel;
    public static String Launch_projectClosed;
    public static String Launch_starting;
    public static String Launch_untrusted;
    public static String Machine_ended;
    public static String Machine_label;
    public static String Machine_noTerminate;
    public static String Machine_notRecovered;
    public static String Machine_recovering;
    public static String Machine_running;
    public static String Machine_disconnected;
    public static String Machine_terminated;
    public static String Project_exists;
    public static String Project_layingOut;
    public static String Project_noKernel;
    public static String Project_notEmpty;
    public static String Project_notWritable;
    public static String Project_opening;

    static {
        NLS.initializeMessages("org.veridianos.ide.messages", Messages.class);
    }

    private Messages() {
    }
}
