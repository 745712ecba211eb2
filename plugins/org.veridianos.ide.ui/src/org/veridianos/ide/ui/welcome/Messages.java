package org.veridianos.ide.ui.welcome;

import org.eclipse.osgi.util.NLS;

/** Texts of the welcome page. */
final class Messages extends NLS {

    public static String Welcome_boot;
    public static String Welcome_bootText;
    public static String Welcome_guide;
    public static String Welcome_guideText;
    public static String Welcome_newProject;
    public static String Welcome_newProjectText;
    public static String Welcome_openCheckout;
    public static String Welcome_openCheckoutText;
    public static String Welcome_subtitle;
    public static String Welcome_title;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.welcome.messages", Messages.class);
    }

    private Messages() {
    }
}
