package org.veridianos.machine;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/** The profiles of a {@code qemu-launch/} folder, or the ones this bundle brings. The profile named as an architecture is its default. */
public final class Profiles {

    private static final String[] BUILT_IN = {"x86_64", "aarch64", "riscv64", "x86_64-qemu64", "aarch64-max", "aarch64-cortex-a57"};

    private final Map<String, Profile> byId;

    private Profiles(Map<String, Profile> byId) {
        this.byId = Collections.unmodifiableMap(byId);
    }

    /** The profiles that come with this bundle. */
    public static Profiles builtIn() throws MachineException {
        Map<String, Profile> found = new TreeMap<>();
        for (String id : BUILT_IN) {
            try (InputStream in = Profiles.class.getResourceAsStream("/qemu-launch/" + id + ".properties")) {
                if (in == null) {
                    throw new MachineException("this installation is incomplete: profile " + id + " is missing");
                }
                found.put(id, read(id, new InputStreamReader(in, StandardCharsets.UTF_8)));
            } catch (IOException unreadable) {
                throw new MachineException("profile " + id + ": " + unreadable.getMessage(), unreadable);
            }
        }
        return new Profiles(found);
    }

    /** The built-in profiles, replaced and extended by the {@code *.properties} of {@code folder} when it exists. */
    public static Profiles load(Path folder) throws MachineException {
        if (!Files.isDirectory(folder)) {
            return builtIn();
        }
        Map<String, Profile> found = new TreeMap<>(builtIn().byId);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.properties")) {
            for (Path file : files) {
                String id = file.getFileName().toString().replaceFirst("\\.properties$", "");
                try (Reader reader = Files.newBufferedReader(file)) {
                    found.put(id, read(id, reader));
                }
            }
        } catch (IOException unreadable) {
            throw new MachineException("profiles in " + folder + ": " + unreadable.getMessage(), unreadable);
        }
        return new Profiles(found);
    }

    private static Profile read(String id, Reader reader) throws IOException, MachineException {
        Properties properties = new Properties();
        properties.load(reader);
        return Profile.of(id, properties);
    }

    /** All of them, by id. */
    public Collection<Profile> all() {
        return byId.values();
    }

    /** The profile called {@code id}. */
    public Profile get(String id) throws MachineException {
        Profile profile = byId.get(id);
        if (profile == null) {
            throw new MachineException("unknown profile '" + id + "': use one of " + String.join(", ", byId.keySet()));
        }
        return profile;
    }

    /** The default profile of an architecture. */
    public Profile of(Architecture architecture) throws MachineException {
        return get(architecture.id());
    }
}
