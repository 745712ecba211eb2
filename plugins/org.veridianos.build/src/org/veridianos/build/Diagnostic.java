package org.veridianos.build;

import java.nio.file.Path;
import java.util.Optional;

/**
 * One compiler message with its place in the sources.
 *
 * @param level    how bad it is
 * @param message  the one-line text
 * @param code     the error code or the lint's name ({@code E0308}, {@code unused_variables}), if there is one
 * @param rendered the text as rustc prints it, with the source excerpt
 * @param span     the primary place, absent for messages about the whole crate
 * @param target   the architecture that was being built
 */
public record Diagnostic(Level level, String message, Optional<String> code, String rendered, Optional<Span> span, Target target) {

    /** Severity, in rustc's words. */
    public enum Level {
        /** The build fails. */
        ERROR,
        /** The build goes on. */
        WARNING,
        /** Information without a verdict. */
        NOTE
    }

    /**
     * A range of a file; lines and columns count from 1, columns in characters, the end column is exclusive.
     *
     * @param file absolute and normalised
     */
    public record Span(Path file, int line, int column, int endLine, int endColumn) {
    }
}
