/**
 * Builds the kernel: finds a Rust toolchain, runs {@code cargo xtask build}, and turns what cargo says into diagnostics
 * and images.
 *
 * <p>Plain Java: no Eclipse import, so the same classes run in the IDE and on the command line's class path.
 */
package org.veridianos.build;
