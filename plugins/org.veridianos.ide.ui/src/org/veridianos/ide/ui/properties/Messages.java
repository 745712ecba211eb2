package org.veridianos.ide.ui.properties;

import org.eclipse.osgi.util.NLS;

/** Texts of the property page. */
final class Messages extends NLS {

    static String KernelPage_architecture;
    static String KernelPage_closed;
    static String KernelPage_configuration;
    static String KernelPage_dev;
    static String KernelPage_location;
    static String KernelPage_release;
    static String KernelPage_saving;
    static String KernelPage_trust;
    static String KernelPage_trusted;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.properties.messages", Messages.class);
    }

    private Messages() {
    }
}
