package org.veridianos.inspect.model;

/**
 * What a mapping allows.
 *
 * @param read    loads
 * @param write   stores
 * @param execute instruction fetches, by the user if {@code user}, else by the kernel
 * @param user    from user mode
 * @param global  the same in every address space
 * @param device  not cached, in order
 */
public record Permissions(boolean read, boolean write, boolean execute, boolean user, boolean global, boolean device) {

    /** Everything, to be restricted. */
    public static final Permissions ALL = new Permissions(true, true, true, true, true, false);

    /** Whether code can be written and run. */
    public boolean isWriteExecute() {
        return write && execute;
    }

    /** Only what both allow; global and device as in {@code this}. */
    public Permissions and(Permissions above) {
        return new Permissions(read && above.read, write && above.write, execute && above.execute, user && above.user, global, device);
    }

    /** {@code rwxu}, with a minus for each that is not allowed, and {@code g} and {@code d} if they are. */
    @Override
    public String toString() {
        return (read ? "r" : "-") + (write ? "w" : "-") + (execute ? "x" : "-") + (user ? "u" : "-") + (global ? "g" : "") + (device ? "d" : "");
    }
}
