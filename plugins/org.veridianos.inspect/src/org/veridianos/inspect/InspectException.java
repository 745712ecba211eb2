package org.veridianos.inspect;

/** Nothing can be read at all. The message is one clear line for the user. */
public final class InspectException extends Exception {

    private static final long serialVersionUID = 1L;

    /** @param message what is wrong and what to do */
    public InspectException(String message) {
        super(message);
    }

    /** @param message what is wrong and what to do */
    public InspectException(String message, Throwable cause) {
        super(message, cause);
    }
}
