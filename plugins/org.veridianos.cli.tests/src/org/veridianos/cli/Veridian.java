package org.veridianos.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The real {@code ./veridian} as a process. */
final class Veridian {

    static final Path SCRIPT = Path.of(System.getProperty("veridian.home"), "veridian");

    /** How a command ended and what it said. */
    record Result(int status, String out, String err) {
        /** The last line on standard error: the command's own, after what the compiler may have said. */
        String message() {
            return err.lines().reduce((first, second) -> second).orElse("");
        }

        /** Everything, for a failed test's message. */
        String text() {
            return "status " + status + "\n" + out + "\n--- standard error\n" + err;
        }
    }

    private Veridian() {
    }

    static Process start(Map<String, String> environment, Path out, Path err, List<String> words) throws IOException {
        List<String> command = new ArrayList<>(List.of(SCRIPT.toString()));
        command.addAll(words);
        ProcessBuilder builder = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().putAll(environment);
        return builder.start();
    }

    static Result run(Map<String, String> environment, String... words) throws IOException, InterruptedException {
        Path out = Files.createTempFile("veridian", "out");
        Path err = Files.createTempFile("veridian", "err");
        try {
            Process process = start(environment, out, err, List.of(words));
            if (!process.waitFor(300, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                process.waitFor();
                throw new AssertionError(String.join(" ", words) + " does not end: " + Files.readString(out, StandardCharsets.ISO_8859_1));
            }
            return new Result(process.exitValue(), Files.readString(out, StandardCharsets.ISO_8859_1), Files.readString(err, StandardCharsets.ISO_8859_1));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }
}
