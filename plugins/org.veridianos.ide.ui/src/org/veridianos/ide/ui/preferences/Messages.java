package org.veridianos.ide.ui.preferences;

import org.eclipse.osgi.util.NLS;

/** Texts of the preference page. */
final class Messages extends NLS {

    public static String Tools_automatic;
    public static String Tools_browse;
    public static String Tools_description;
    public static String Tools_detect;
    public static String Tools_doesNotRun;
    public static String Tools_found;
    public static String Tools_gdb;
    public static String Tools_gdbField;
    public static String Tools_looking;
    public static String Tools_noGdb;
    public static String Tools_noQemu;
    public static String Tools_notAPath;
    public static String Tools_notAProgram;
    public static String Tools_notSaved;
    public static String Tools_qemu;
    public static String Tools_qemuField;
    public static String Tools_qemuLacks;
    public static String Tools_rust;
    public static String Tools_rustField;
    public static String Tools_rustLacks;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.preferences.messages", Messages.class);
    }

    private Messages() {
    }
}
