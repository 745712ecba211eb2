package org.veridianos.inspect.model;

/**
 * A capability.
 *
 * @param slot       address of its slot, its name across all spaces
 * @param token      the number by which its process names it
 * @param generation which of the slot's successive capabilities it is
 * @param object     address of its object
 * @param kind       name of the object's kind
 * @param rights     bits; {@link CapabilitySpace#rightsText} names them
 * @param badge      what a receiver sees of the sender
 * @param policy     name of what children of the process get of it
 * @param flags      bits, see the constants
 * @param parent     slot of the capability it was derived from, or 0
 * @param firstChild slot of the first one derived from it, or 0
 * @param next       slot of the next one derived from the same, or 0
 */
public record Capability(long slot, long token, int generation, long object, String kind, int rights, long badge, String policy, int flags, long parent,
        long firstChild, long next) {

    /** Flag: its descendants are being revoked. */
    public static final int REVOKING = 1;
    /** Flag: it keeps its object alive only as long as something else does. */
    public static final int LOOSE = 2;
    /** Flag: it changed while it was read, more often than the reader tried. */
    public static final int INCONSISTENT = 4;

    /** Index of its slot in its space. */
    public int index() {
        return (int) (token & 0xff_ffff);
    }

    /** Whether it stood still while it was read. */
    public boolean isConsistent() {
        return (flags & INCONSISTENT) == 0;
    }
}
