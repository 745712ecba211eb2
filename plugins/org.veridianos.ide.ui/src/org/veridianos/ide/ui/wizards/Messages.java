package org.veridianos.ide.ui.wizards;

import org.eclipse.osgi.util.NLS;

/** Texts of the wizards. */
final class Messages extends NLS {

    static String KernelWizard_failed;
    static String NewProject_architecture;
    static String NewProject_description;
    static String NewProject_heading;
    static String NewProject_initialName;
    static String NewProject_title;
    static String OpenCheckout_choose;
    static String OpenCheckout_description;
    static String OpenCheckout_folder;
    static String OpenCheckout_heading;
    static String OpenCheckout_noKernel;
    static String OpenCheckout_title;
    static String OpenCheckout_trust;
    static String OpenCheckout_trustWhy;
    static String Wizard_browse;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.wizards.messages", Messages.class);
    }

    private Messages() {
    }
}
