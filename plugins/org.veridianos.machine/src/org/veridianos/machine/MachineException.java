package org.veridianos.machine;

/** A machine cannot be started or reached. The message is one clear line for the user. */
public final class MachineException extends Exception {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do */
    public MachineException(String message) {
        super(message);
    }

    /** @param message what is wrong and what to do */
    public MachineException(String message, Throwable cause) {
        super(message, cause);
    }
}
