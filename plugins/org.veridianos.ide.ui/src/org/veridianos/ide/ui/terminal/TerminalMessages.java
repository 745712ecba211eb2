package org.veridianos.ide.ui.terminal;

import org.eclipse.osgi.util.NLS;

/** Texts of the terminal. */
final class TerminalMessages extends NLS {
    public static String Terminal_accessibleName;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.terminal.messages", TerminalMessages.class);
    }

    private TerminalMessages() {
    }
}
