package org.veridianos.ide.ui.wizards;

import org.eclipse.osgi.util.NLS;

/** Texts of the wizards. */
final class Messages extends NLS {

    public static String KernelWizard_failed;
    public static String NewProject_architecture;
    public static String NewProject_description;
    public static String NewProject_heading;
    public static String NewProject_initialName;
    public static String NewProject_title;
    public static String OpenCheckout_choose;
    public static String OpenCheckout_description;
    public static String OpenCheckout_folder;
    public static String OpenCheckout_heading;
    public static String OpenCheckout_noKernel;
    public static String OpenCheckout_title;
    public static String OpenCheckout_trust;
    public static String OpenCheckout_trustWhy;
    public static String Wizard_browse;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.wizards.messages", Messages.class);
    }

    private Messages() {
    }
}
