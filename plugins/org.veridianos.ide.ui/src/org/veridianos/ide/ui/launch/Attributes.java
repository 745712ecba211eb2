package org.veridianos.ide.ui.launch;

import org.eclipse.debug.core.ILaunchConfigurationWorkingCopy;

/** Writes attributes so that what is not set is absent, as shared configurations want it. */
final class Attributes {

    private Attributes() {
    }

    static void set(ILaunchConfigurationWorkingCopy configuration, String key, String value) {
        if (value.isBlank()) {
            configuration.removeAttribute(key);
        } else {
            configuration.setAttribute(key, value.strip());
        }
    }

    static void set(ILaunchConfigurationWorkingCopy configuration, String key, int value, int absent) {
        if (value == absent) {
            configuration.removeAttribute(key);
        } else {
            configuration.setAttribute(key, value);
        }
    }

    static void set(ILaunchConfigurationWorkingCopy configuration, String key, boolean value) {
        if (value) {
            configuration.setAttribute(key, true);
        } else {
            configuration.removeAttribute(key);
        }
    }
}
