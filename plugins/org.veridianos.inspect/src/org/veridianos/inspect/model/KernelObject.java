package org.veridianos.inspect.model;

/**
 * A kernel object as capabilities and waiting threads name it.
 *
 * @param address of its header; 0 for none
 * @param kind    name of its kind, such as {@code Endpoint}
 * @param name    for people: {@code init/3}, {@code init (1)}, {@code Endpoint 4f1c0}
 */
public record KernelObject(long address, String kind, String name) {

    /** No object. */
    public static final KernelObject NONE = new KernelObject(0, "", "");

    /** An object without a name of its own. */
    public static KernelObject unnamed(long address, String kind) {
        return new KernelObject(address, kind, kind + " " + Long.toHexString(address & 0xfff_ffff));
    }
}
