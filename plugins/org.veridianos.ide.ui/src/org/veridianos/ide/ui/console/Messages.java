package org.veridianos.ide.ui.console;

import org.eclipse.osgi.util.NLS;

/** Texts of the guest console. */
final class Messages extends NLS {

    static String GuestConsole_ended;
    static String GuestConsole_endedName;
    static String GuestConsolePage_clear;
    static String GuestConsolePage_copy;
    static String GuestConsolePage_paste;
    static String GuestConsolePage_remove;
    static String GuestConsolePage_selectAll;
    static String GuestConsolePage_terminate;
    static String GuestConsolePage_terminating;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.console.messages", Messages.class);
    }

    private Messages() {
    }
}
