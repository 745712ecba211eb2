package org.veridianos.inspect.image;

/**
 * Data at a fixed place.
 *
 * @param name    its name, such as {@code processes}
 * @param address virtual address
 * @param data    what is there; its offset counts from the address
 * @param file    source file, relative to the kernel's package
 * @param line    source line, from 1
 */
public record Root(String name, long address, Field data, String file, int line) {
}
