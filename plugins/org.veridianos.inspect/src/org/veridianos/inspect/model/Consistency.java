package org.veridianos.inspect.model;

/**
 * How far something in a snapshot can be relied on.
 *
 * @param consistent whether all of it is of one moment
 * @param reason     why not, in words; empty when it is
 */
public record Consistency(boolean consistent, String reason) {

    /** All of one moment. */
    public static final Consistency OK = new Consistency(true, "");

    /** Not of one moment, or not whole. */
    public static Consistency broken(String reason) {
        return new Consistency(false, reason);
    }

    /** Both; the first reason counts. */
    public Consistency and(Consistency other) {
        return consistent ? other : this;
    }
}
