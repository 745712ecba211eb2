package org.veridianos.inspect.model;

/**
 * Physical memory that is never handed out.
 *
 * @param start first address
 * @param end   first address behind it
 * @param name  who has it: {@code kernel}, {@code initrd}, {@code firmware}, …
 */
public record ReservedRange(long start, long end, String name) {
}
