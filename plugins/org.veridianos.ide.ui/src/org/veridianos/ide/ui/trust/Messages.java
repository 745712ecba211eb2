package org.veridianos.ide.ui.trust;

import org.eclipse.osgi.util.NLS;

/** Texts about trust. */
final class Messages extends NLS {

    static String Trust_no;
    static String Trust_question;
    static String Trust_resolution;
    static String Trust_resolutionDescription;
    static String Trust_saving;
    static String Trust_title;
    static String Trust_yes;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.trust.messages", Messages.class);
    }

    private Messages() {
    }
}
