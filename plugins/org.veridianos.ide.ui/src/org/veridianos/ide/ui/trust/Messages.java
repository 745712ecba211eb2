package org.veridianos.ide.ui.trust;

import org.eclipse.osgi.util.NLS;

/** Texts about trust. */
final class Messages extends NLS {

    public static String Trust_no;
    public static String Trust_question;
    public static String Trust_resolution;
    public static String Trust_resolutionDescription;
    public static String Trust_saving;
    public static String Trust_title;
    public static String Trust_yes;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.trust.messages", Messages.class);
    }

    private Messages() {
    }
}
