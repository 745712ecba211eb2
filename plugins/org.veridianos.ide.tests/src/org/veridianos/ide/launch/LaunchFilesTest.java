package org.veridianos.ide.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.veridianos.machine.Profile;
import org.veridianos.machine.Profiles;

class LaunchFilesTest {

    private static final Path CHECKED_IN = Path.of(System.getProperty("veridian.root")).resolve("qemu-launch");

    @TempDir
    Path temporary;

    @Test
    void theCheckedInFilesAreThoseOfTheProfiles() throws Exception {
        Profiles profiles = Profiles.load(CHECKED_IN);
        LaunchFiles.write(profiles.all(), temporary);
        assertEquals(launches(temporary), launches(CHECKED_IN));
        for (Profile profile : profiles.all()) {
            String name = LaunchFiles.name(profile.id());
            assertEquals(Files.readString(temporary.resolve(name)), Files.readString(CHECKED_IN.resolve(name)));
        }
    }

    @Test
    void whatTheUserChangedStays() throws Exception {
        Files.writeString(temporary.resolve(LaunchFiles.name("x86_64")), "mine");
        LaunchFiles.write(Profiles.builtIn().all(), temporary);
        assertEquals("mine", Files.readString(temporary.resolve(LaunchFiles.name("x86_64"))));
        assertTrue(Files.exists(temporary.resolve(LaunchFiles.name("riscv64"))));
    }

    private static TreeSet<String> launches(Path folder) throws Exception {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).filter(n -> n.endsWith(".launch")).collect(Collectors.toCollection(TreeSet::new));
        }
    }
}
