package org.veridianos.cli;

import java.util.List;
import org.veridianos.machine.MachineException;

/** One command of {@code ./veridian}. */
public interface Command {

    /** The word that calls it. */
    String name();

    /** What {@code --help} prints: a usage line, what it does, its options. */
    String help();

    /**
     * Does the work.
     *
     * @return the status of the process
     */
    int run(Context context, List<String> args) throws Failure, MachineException, java.io.IOException, InterruptedException;
}
