package org.veridianos.ide.ui.welcome;

import org.eclipse.osgi.util.NLS;

/** Texts of the welcome page. */
final class Messages extends NLS {

    static String Welcome_boot;
    static String Welcome_bootText;
    static String Welcome_guide;
    static String Welcome_guideText;
    static String Welcome_newProject;
    static String Welcome_newProjectText;
    static String Welcome_openCheckout;
    static String Welcome_openCheckoutText;
    static String Welcome_subtitle;
    static String Welcome_title;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.welcome.messages", Messages.class);
    }

    private Messages() {
    }
}
