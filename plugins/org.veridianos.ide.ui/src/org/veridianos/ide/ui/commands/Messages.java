package org.veridianos.ide.ui.commands;

import org.eclipse.osgi.util.NLS;

/** Texts of the commands. */
final class Messages extends NLS {

    static String Architecture_none;
    static String Architecture_switching;
    static String Boot_configurationName;
    static String Boot_noKernel;
    static String Boot_preparing;
    static String Boot_title;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.commands.messages", Messages.class);
    }

    private Messages() {
    }
}
