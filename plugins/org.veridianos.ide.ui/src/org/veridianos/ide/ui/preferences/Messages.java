package org.veridianos.ide.ui.preferences;

import org.eclipse.osgi.util.NLS;

/** Texts of the preference page. */
final class Messages extends NLS {

    static String Tools_automatic;
    static String Tools_browse;
    static String Tools_description;
    static String Tools_detect;
    static String Tools_doesNotRun;
    static String Tools_found;
    static String Tools_gdb;
    static String Tools_gdbField;
    static String Tools_looking;
    static String Tools_noGdb;
    static String Tools_noQemu;
    static String Tools_notAPath;
    static String Tools_notAProgram;
    static String Tools_notSaved;
    static String Tools_qemu;
    static String Tools_qemuField;
    static String Tools_qemuLacks;
    static String Tools_rust;
    static String Tools_rustField;
    static String Tools_rustLacks;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.preferences.messages", Messages.class);
    }

    private Messages() {
    }
}
