package org.veridianos.ide.ui.commands;

import org.eclipse.osgi.util.NLS;

/** Texts of the commands. */
final class Messages extends NLS {

    public static String Architecture_none;
    public static String Architecture_switching;
    public static String Boot_noKernel;
    public static String Boot_preparing;
    public static String Boot_title;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.commands.messages", Messages.class);
    }

    private Messages() {
    }
}
