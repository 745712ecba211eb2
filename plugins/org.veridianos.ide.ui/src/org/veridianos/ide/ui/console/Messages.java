package org.veridianos.ide.ui.console;

import org.eclipse.osgi.util.NLS;

/** Texts of the guest console. */
final class Messages extends NLS {

    public static String GuestConsole_ended;
    public static String GuestConsole_endedName;
    public static String GuestConsolePage_clear;
    public static String GuestConsolePage_copy;
    public static String GuestConsolePage_paste;
    public static String GuestConsolePage_remove;
    public static String GuestConsolePage_selectAll;
    public static String GuestConsolePage_terminate;
    public static String GuestConsolePage_terminating;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.console.messages", Messages.class);
    }

    private Messages() {
    }
}
