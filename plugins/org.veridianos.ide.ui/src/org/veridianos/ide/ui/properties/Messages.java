package org.veridianos.ide.ui.properties;

import org.eclipse.osgi.util.NLS;

/** Texts of the property page. */
final class Messages extends NLS {

    public static String KernelPage_architecture;
    public static String KernelPage_closed;
    public static String KernelPage_configuration;
    public static String KernelPage_dev;
    public static String KernelPage_location;
    public static String KernelPage_release;
    public static String KernelPage_saving;
    public static String KernelPage_trust;
    public static String KernelPage_trusted;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.properties.messages", Messages.class);
    }

    private Messages() {
    }
}
