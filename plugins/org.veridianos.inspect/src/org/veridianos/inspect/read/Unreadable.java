package org.veridianos.inspect.read;

/** Data of the guest cannot be read; the message says why, for the one who looks at it. Carries no stack: it is common. */
public final class Unreadable extends Exception {

    private static final long serialVersionUID = 1L;

    /** @param message the reason */
    public Unreadable(String message) {
        super(message, null, false, false);
    }

    /** An address that leads nowhere. */
    static Unreadable at(long address, String why) {
        return new Unreadable("0x" + Long.toHexString(address) + " " + why);
    }
}
