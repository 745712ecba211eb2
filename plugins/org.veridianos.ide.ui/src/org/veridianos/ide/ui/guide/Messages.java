package org.veridianos.ide.ui.guide;

import org.eclipse.osgi.util.NLS;

/** Texts around the guide. */
final class Messages extends NLS {

    static String Guide_backAndContents;
    static String Guide_contents;
    static String Guide_missing;
    static String Guide_name;
    static String Guide_reading;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.guide.messages", Messages.class);
    }

    private Messages() {
    }
}
