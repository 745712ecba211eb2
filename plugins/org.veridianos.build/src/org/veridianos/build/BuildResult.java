package org.veridianos.build;

import java.util.List;

/**
 * How a build ended.
 *
 * @param outcome     the verdict
 * @param images      what can be booted
 * @param diagnostics everything the compiler said, in order, each once
 * @param output      cargo's own words on standard error, for what is no diagnostic (a full disk, a broken manifest)
 */
public record BuildResult(Outcome outcome, List<Image> images, List<Diagnostic> diagnostics, String output) {

    /** The three ways a build ends. */
    public enum Outcome {
        /** Every image was built. */
        DONE,
        /** cargo failed; the diagnostics or the output say why. */
        FAILED,
        /** It was cancelled. */
        CANCELLED
    }

    /** Copies the lists. */
    public BuildResult {
        images = List.copyOf(images);
        diagnostics = List.copyOf(diagnostics);
    }

    /** Whether everything was built. */
    public boolean isDone() {
        return outcome == Outcome.DONE;
    }

    /** How many errors the compiler reported. */
    public long errors() {
        return diagnostics.stream().filter(d -> d.level() == Diagnostic.Level.ERROR).count();
    }

    /** The line that explains a failure best: the first error of the compiler, else cargo's last error line. */
    public String reason() {
        return diagnostics.stream().filter(d -> d.level() == Diagnostic.Level.ERROR).findFirst()
                .map(BuildResult::oneLine)
                .orElseGet(() -> output.lines().filter(l -> l.startsWith("error") || l.contains("os error"))
                        .reduce((first, second) -> second)
                        .orElseGet(() -> output.lines().reduce((first, second) -> second).orElse("cargo failed without a word")));
    }

    private static String oneLine(Diagnostic error) {
        String place = error.span().map(s -> s.file() + ":" + s.line() + ":" + s.column() + ": ").orElse("");
        return place + error.message();
    }
}
