package org.veridianos.inspect;

import java.nio.file.Path;
import org.veridianos.machine.Architecture;
import org.veridianos.machine.GuestMemory;

/**
 * Where snapshots come from: a running machine, a dump, a recorded moment. Views hold one of these, never a session.
 *
 * <p>All methods may be called from any thread; {@link #take} one at a time, others wait.
 */
public interface SnapshotSource extends AutoCloseable {

    /**
     * Whose kernel it is.
     *
     * @param id           short name: the session's, or the dump's file name
     * @param title        for a view's title
     * @param architecture what it runs on
     * @param image        the kernel's ELF file
     * @param project      folder of the kernel's sources, where it is known, else empty
     */
    record Machine(String id, String title, Architecture architecture, Path image, String project) {
    }

    /**
     * Whether there is something to look at.
     *
     * @param alive  whether later snapshots may differ from earlier ones
     * @param reason why not, in words for an empty view; empty when it is alive
     */
    record Status(boolean alive, String reason) {
    }

    /** Whose kernel it is. */
    Machine machine();

    /** Whether the machine still lives. Quick; never asks QEMU. */
    Status status();

    /**
     * Reads what is asked for. Never waits for the guest, never changes it.
     *
     * @throws InspectException when nothing can be read: the machine is gone, or holds another kernel
     * @throws java.util.concurrent.CancellationException when cancelled
     */
    Snapshot take(Request what, Cancel cancel) throws InspectException;

    /** Physical memory, for looking at a page's bytes. */
    GuestMemory memory();

    /** Lets go of files and mappings; later calls fail with {@link InspectException}. */
    @Override
    void close();
}
