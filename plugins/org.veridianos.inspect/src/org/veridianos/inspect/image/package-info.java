/**
 * The kernel image: its symbols, and the table by which it describes its own data ({@code kernel/src/inspect}).
 *
 * <p>{@link org.veridianos.inspect.image.KernelImage} reads an ELF file, {@link org.veridianos.inspect.image.TypeTable} is what the
 * table says. Images come from the user's build: everything is bounded and checked, and what is damaged is named.
 */
package org.veridianos.inspect.image;
