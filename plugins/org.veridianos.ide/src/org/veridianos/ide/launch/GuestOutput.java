package org.veridianos.ide.launch;

/** Hears what a guest prints. Called on the thread that reads the serial line: while it works, the guest waits. */
public interface GuestOutput {

    /** The guest printed {@code count} bytes of {@code bytes}, which the caller uses again afterwards. */
    void printed(byte[] bytes, int offset, int count);

    /**
     * The machine has ended and nothing more will come.
     *
     * @param reason one line for the user: the guest's exit status, or why QEMU is gone
     */
    default void ended(String reason) {
    }
}
