package org.veridianos.inspect.model;

import java.util.List;

/**
 * A process.
 *
 * @param address      of its object
 * @param pid          number, never reused
 * @param name         name of its image
 * @param life         name of its state: {@code Created}, {@code Alive}, {@code Exiting}, {@code Zombie}
 * @param status       what it ended with; meaningful for a zombie
 * @param parent       number of its parent, or 0
 * @param threads      addresses of its threads, in the kernel's order
 * @param space        address of its capability space, or 0
 * @param addressSpace address of its address space, or 0
 * @param consistency  whether its list of threads was read whole
 */
public record ProcessState(long address, int pid, String name, String life, int status, int parent, List<Long> threads, long space, long addressSpace,
        Consistency consistency) {

    /** Copies the list. */
    public ProcessState {
        threads = List.copyOf(threads);
    }

    /** {@code name (pid)}. */
    public String title() {
        return name + " (" + pid + ")";
    }
}
