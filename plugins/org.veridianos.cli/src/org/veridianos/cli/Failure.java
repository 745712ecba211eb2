package org.veridianos.cli;

/** A command cannot do its work. The message is one clear line for the user. */
public final class Failure extends Exception {

    private static final long serialVersionUID = 1L;

    /** Status of a command that was called wrongly. */
    public static final int USAGE = 2;

    private final int status;

    /** The work failed: status 1. */
    public Failure(String message) {
        this(1, message);
    }

    /** @param status what the process ends with */
    public Failure(int status, String message) {
        super(message);
        this.status = status;
    }

    /** What the process ends with. */
    public int status() {
        return status;
    }
}
