package org.veridianos.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profiles;
import org.veridianos.machine.Sessions;

/**
 * What commands work on.
 *
 * @param home        the checkout
 * @param environment as of {@link System#getenv()}
 * @param terminal    whether standard error is a terminal, where progress may overwrite itself
 */
public record Context(Path home, Map<String, String> environment, PrintStream out, PrintStream err, boolean terminal) {

    /** The kernel's sources. */
    public Path kernel() {
        return home.resolve("kernel");
    }

    /** The machines that can be started. */
    public Profiles profiles() throws MachineException {
        return Profiles.load(home.resolve("qemu-launch"));
    }

    /** The machines that run. */
    public Sessions sessions() {
        return Sessions.ofUser(environment);
    }
}
