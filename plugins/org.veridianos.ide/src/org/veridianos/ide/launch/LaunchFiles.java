package org.veridianos.ide.launch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import org.veridianos.machine.Profile;

/**
 * Shared launch configurations, one for each machine profile.
 *
 * <p>They name no project, which means the project that holds them: a renamed or copied project keeps working ones. What
 * is not in them comes from the profile.
 */
public final class LaunchFiles {

    private LaunchFiles() {
    }

    /** The file's name for a profile; the name is what menus show. */
    public static String name(String profile) {
        return "VeridianOS " + profile + ".launch";
    }

    /** The file's content, in the form in which the platform itself writes it. */
    public static String content(Profile profile) {
        return """
                <?xml version="1.0" encoding="UTF-8" standalone="no"?>
                <launchConfiguration type="%s">
                    <stringAttribute key="%s" value="%s"/>
                    <stringAttribute key="%s" value=""/>
                </launchConfiguration>
                """.formatted(LaunchAttributes.TYPE, LaunchAttributes.PROFILE, profile.id(), LaunchAttributes.PROJECT);
    }

    /** Writes the files of {@code profiles} into {@code folder}; one that is there already is the user's and stays. */
    public static void write(Collection<Profile> profiles, Path folder) throws IOException {
        Files.createDirectories(folder);
        for (Profile profile : profiles) {
            Path file = folder.resolve(name(profile.id()));
            if (!Files.exists(file)) {
                Files.writeString(file, content(profile));
            }
        }
    }
}
