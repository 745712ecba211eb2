package org.veridianos.ide;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.eclipse.core.runtime.Platform;
import org.eclipse.core.runtime.preferences.IEclipsePreferences;
import org.eclipse.core.runtime.preferences.InstanceScope;
import org.osgi.service.prefs.BackingStoreException;
import org.veridianos.build.Toolchain;
import org.veridianos.build.ToolchainFinder;
import org.veridianos.build.ToolchainMissingException;

/**
 * The tools the IDE starts, as the preference page sets them. An empty preference means that the tool is found by itself;
 * a set one is used as it is, and an error names it.
 */
public enum Tools {
    /** Folder with {@code cargo} and {@code rustc}. */
    RUST("tool.rust"),
    /** Folder with the {@code qemu-system-*} programs. */
    QEMU("tool.qemu"),
    /** A GDB for all three architectures. */
    GDB("tool.gdb");

    private final String key;

    Tools(String key) {
        this.key = key;
    }

    /** The preference's key in the workspace's node of this bundle. */
    public String key() {
        return key;
    }

    /** What the user set. */
    public Optional<Path> preferred() {
        return Optional.of(Platform.getPreferencesService().getString(IdePlugin.ID, key, "", null)).filter(v -> !v.isBlank()).map(Path::of);
    }

    /** Sets the tool's place; null finds it by itself again. */
    public void prefer(Path place) throws BackingStoreException {
        IEclipsePreferences node = InstanceScope.INSTANCE.getNode(IdePlugin.ID);
        if (place == null) {
            node.remove(key);
        } else {
            node.put(key, place.toString());
        }
        node.flush();
    }

    /** The Rust toolchain that builds kernels. */
    public static Toolchain toolchain() throws ToolchainMissingException {
        Map<String, String> environment = new HashMap<>(System.getenv());
        RUST.preferred().ifPresent(bin -> environment.put("VERIDIAN_RUST", bin.toString()));
        return new ToolchainFinder(environment).find();
    }
}
