/**
 * Snapshots of the objects of a kernel that runs, stands, or is long gone.
 *
 * <p>A {@link org.veridianos.inspect.SnapshotSource} takes {@link org.veridianos.inspect.Snapshot}s of what a {@link
 * org.veridianos.inspect.Request} asks for: of a running machine ({@link org.veridianos.inspect.LiveSource}) or of a memory dump
 * ({@link org.veridianos.inspect.DumpSource}). Packages: {@code image} is the kernel's description of its data, {@code read}
 * follows it in guest memory, {@code model} is what comes out, {@code analysis} draws conclusions, {@code json} writes. An arrow
 * never runs back, and nothing ever writes to the guest or waits for it.
 */
package org.veridianos.inspect;
