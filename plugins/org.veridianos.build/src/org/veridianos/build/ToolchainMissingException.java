package org.veridianos.build;

import java.util.List;

/** No Rust toolchain can build the kernel. The message is for the user and says what to do. */
public final class ToolchainMissingException extends Exception {

    private static final long serialVersionUID = 1L;

    private final transient List<String> rejected;

    /** @param rejected one line for each toolchain that was found but cannot be used */
    public ToolchainMissingException(List<String> rejected) {
        super("no Rust toolchain with the targets of the kernel"
                + (rejected.isEmpty() ? "" : " (" + String.join("; ", rejected) + ")")
                + "; run './veridian build', which lays one out in your cache, or 'rustup target add " + String.join(" ", Target.allTriples()) + "'");
        this.rejected = List.copyOf(rejected);
    }

    /** What was found and why it cannot be used. */
    public List<String> rejected() {
        return rejected;
    }
}
