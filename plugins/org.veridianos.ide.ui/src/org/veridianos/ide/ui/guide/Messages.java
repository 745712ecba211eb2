package org.veridianos.ide.ui.guide;

import org.eclipse.osgi.util.NLS;

/** Texts around the guide. */
final class Messages extends NLS {

    public static String Guide_backAndContents;
    public static String Guide_contents;
    public static String Guide_missing;
    public static String Guide_name;
    public static String Guide_reading;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.guide.messages", Messages.class);
    }

    private Messages() {
    }
}
