package org.veridianos.ide.project;

import java.io.IOException;
import java.nio.file.Path;
import org.eclipse.core.runtime.preferences.IEclipsePreferences;
import org.eclipse.core.runtime.preferences.InstanceScope;
import org.osgi.service.prefs.BackingStoreException;
import org.veridianos.ide.IdePlugin;

/**
 * Which locations may run commands. Building a kernel runs its build scripts, booting it runs words from its files, so a
 * location that did not come from this IDE is untrusted until the user says otherwise.
 *
 * <p>Trust belongs to the real path of a folder, is kept in the workspace (never in the project, which could then trust
 * itself), and does not extend to folders above or below.
 */
public final class Trust {

    private static final String NODE = IdePlugin.ID + ".trust";

    private Trust() {
    }

    /** Whether commands of this location may run. */
    public static boolean isTrusted(Path location) {
        return node().getBoolean(key(location), false);
    }

    /** The user trusts this location from now on. */
    public static void trust(Path location) {
        node().putBoolean(key(location), true);
        flush();
    }

    /** The user no longer trusts this location. */
    public static void distrust(Path location) {
        node().remove(key(location));
        flush();
    }

    private static IEclipsePreferences node() {
        return InstanceScope.INSTANCE.getNode(NODE);
    }

    private static String key(Path location) {
        try {
            return location.toRealPath().toString();
        } catch (IOException gone) {
            return location.toAbsolutePath().normalize().toString();
        }
    }

    private static void flush() {
        try {
            node().flush();
        } catch (BackingStoreException unwritable) {
            IdePlugin.log("Trust could not be saved and will be asked for again.", unwritable);
        }
    }
}
