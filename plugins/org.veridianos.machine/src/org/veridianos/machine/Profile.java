package org.veridianos.machine;

import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;

/**
 * How one kind of machine is started: a file of {@code qemu-launch/}.
 *
 * @param id         the file's name without {@code .properties}
 * @param name       for people
 * @param qemu       the QEMU binary, by name or path
 * @param machine    what {@code -machine} gets
 * @param cpu        what {@code -cpu} gets
 * @param cpus       how many CPUs when nobody says otherwise
 * @param memory     how much RAM in bytes when nobody says otherwise
 * @param bios       what {@code -bios} gets, if anything
 * @param args       more words for QEMU
 * @param kernelArgs words that start every kernel command line
 */
public record Profile(String id, String name, Architecture architecture, String qemu, String machine, String cpu, int cpus, long memory,
        Optional<String> bios, List<String> args, String kernelArgs) {

    private static final Set<String> KEYS = Set.of("name", "arch", "qemu", "machine", "cpu", "cpus", "memory", "bios", "args", "kernel.args");

    /**
     * Reads a profile.
     *
     * @param id         names it in messages
     * @throws MachineException when a key is missing, unknown or malformed
     */
    public static Profile of(String id, Properties properties) throws MachineException {
        Set<String> unknown = new TreeSet<>(properties.stringPropertyNames());
        unknown.removeAll(KEYS);
        if (!unknown.isEmpty()) {
            throw new MachineException("profile " + id + ": unknown key '" + unknown.iterator().next() + "'; known are " + String.join(", ", new TreeSet<>(KEYS)));
        }
        try {
            Architecture architecture = Architecture.of(required(id, properties, "arch"));
            return new Profile(id, properties.getProperty("name", id), architecture,
                    properties.getProperty("qemu", "qemu-system-" + architecture.id()),
                    required(id, properties, "machine"), required(id, properties, "cpu"),
                    Integer.parseInt(properties.getProperty("cpus", "1").strip()), Size.parse(properties.getProperty("memory", "256M")),
                    Optional.ofNullable(properties.getProperty("bios")), Words.split(properties.getProperty("args", "")),
                    properties.getProperty("kernel.args", "").strip());
        } catch (IllegalArgumentException malformed) {
            throw new MachineException("profile " + id + ": " + malformed.getMessage(), malformed);
        }
    }

    private static String required(String id, Properties properties, String key) throws MachineException {
        String value = properties.getProperty(key);
        if (value == null || value.isBlank()) {
            throw new MachineException("profile " + id + ": key '" + key + "' is missing");
        }
        return value.strip();
    }
}
