package org.veridianos.build;

/** Hears about a build while it runs. Called on the thread that runs the build, in order. */
public interface BuildListener {

    /** Something started, for instance {@code "Compiling veridian-kernel"}. */
    default void progress(String what) {
    }

    /** The compiler said something. */
    default void diagnostic(Diagnostic diagnostic) {
    }

    /** A bootable image is ready. */
    default void image(Image image) {
    }
}
