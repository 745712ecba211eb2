/**
 * Reads kernel data out of guest memory.
 *
 * <p>{@link org.veridianos.inspect.read.KernelMemory} turns virtual addresses into RAM, {@link org.veridianos.inspect.read.Access}
 * a field into a value, {@link org.veridianos.inspect.read.Collections} a list, tree, table or ring into addresses. Nothing that the
 * guest holds is trusted: every walk is bounded, a cycle ends it, and a wild pointer is {@link
 * org.veridianos.inspect.read.Unreadable}. Nothing here waits for the guest.
 */
package org.veridianos.inspect.read;
