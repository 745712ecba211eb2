package org.veridianos.ide.ui;

import org.eclipse.osgi.util.NLS;

/** Texts of the shell that belong to no part of it. */
final class Messages extends NLS {

    public static String IconPreparation_name;
    public static String SourceOpener_looking;
    public static String StudioRequest_booting;
    public static String StudioRequest_noKernel;
    public static String StudioRequest_notReady;
    public static String StudioRequest_opening;

    static {
        NLS.initializeMessages("org.veridianos.ide.ui.messages", Messages.class);
    }

    private Messages() {
    }
}
