package org.veridianos.machine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Runs the tests of a test kernel to the last one, whatever some of them do to the machine.
 *
 * <p>A test kernel says {@code test NAME ...} before and {@code ok}, {@code FAILED} or {@code ignored} after each test. A panic, a
 * reset or silence while a test runs counts as its failure; then the machine is booted again with {@code test.after=NAME}. A
 * machine that ends before any test began cannot be helped and is one failure.
 */
public final class KernelTests {

    private static final Pattern BEGIN = Pattern.compile("test (\\S+) \\.\\.\\.\\s*");
    private static final Pattern OK = Pattern.compile("ok (\\S+) \\((\\d+) us\\)\\s*");
    private static final Pattern FAILED = Pattern.compile("FAILED (\\S+): (.*)");
    private static final Pattern IGNORED = Pattern.compile("ignored (\\S+): (.*)");
    private static final Pattern TOTAL = Pattern.compile("ktest: (\\d+) tests\\s*");

    /** How a test ended. */
    public enum Status {
        /** Every assertion held. */
        PASSED,
        /** An assertion did not hold, or the machine did not survive it. */
        FAILED,
        /** It cannot run on this machine. */
        IGNORED
    }

    /**
     * A finished test.
     *
     * @param detail why it failed or was ignored
     */
    public record Result(String name, Status status, Duration duration, String detail) {
    }

    /** How a boot ended: with the guest's status, or without one, for the reason given. */
    public record End(OptionalInt status, String cause) {
    }

    /** Boots the test kernel once. */
    @FunctionalInterface
    public interface Booter {
        /**
         * Boots with the given words on the kernel's command line and returns when the machine is gone. Ends the machine when it
         * prints nothing for {@code silence}.
         */
        End boot(List<String> kernelArgs, Duration silence, Consumer<String> lines) throws MachineException, InterruptedException;
    }

    /** Hears what happens, line by line and test by test. */
    public interface Listener {
        /** A line of the console. */
        default void line(String line) {
        }

        /** A test begins. */
        default void begin(String name) {
        }

        /** A test has ended. */
        default void end(Result result) {
        }
    }

    private final Booter booter;
    private final Duration silence;
    private final Listener listener;
    private final List<Result> results = new ArrayList<>();
    private final Set<String> died = new HashSet<>();
    private Optional<String> running = Optional.empty();
    private boolean announced;

    /** @param silence how long a test may print nothing before it counts as hanging */
    public KernelTests(Booter booter, Duration silence, Listener listener) {
        this.booter = booter;
        this.silence = silence;
        this.listener = listener;
    }

    /**
     * Runs all tests that the words select.
     *
     * @param kernelArgs {@code test.filter=…}, {@code test.seed=…} and the like
     */
    public List<Result> run(List<String> kernelArgs) throws MachineException, InterruptedException {
        Optional<String> after = Optional.empty();
        while (true) {
            List<String> words = new ArrayList<>(kernelArgs);
            after.ifPresent(name -> words.add("test.after=" + name));
            announced = false;
            running = Optional.empty();
            int before = results.size();
            End end = booter.boot(words, silence, this::line);
            boolean complete = end.status().isPresent() && end.status().getAsInt() <= 1 && announced && running.isEmpty();
            if (complete) {
                return List.copyOf(results);
            }
            Optional<String> culprit = running.isPresent() ? running : lastFailed(before);
            running.ifPresent(name -> finish(new Result(name, Status.FAILED, Duration.ZERO, cause(end))));
            if (culprit.isEmpty() || !died.add(culprit.get())) {
                finish(new Result("boot", Status.FAILED, Duration.ZERO, cause(end) + (announced ? " between two tests" : " before the first test")));
                return List.copyOf(results);
            }
            after = culprit;
        }
    }

    private static String cause(End end) {
        return end.status().isPresent() ? "the machine ended with status " + end.status().getAsInt() : end.cause();
    }

    /** The test whose panic was reported under its name and ended the machine. */
    private Optional<String> lastFailed(int since) {
        return results.size() > since && results.get(results.size() - 1).status() == Status.FAILED
                ? Optional.of(results.get(results.size() - 1).name()) : Optional.empty();
    }

    private void line(String line) {
        listener.line(line);
        Matcher m = TOTAL.matcher(line);
        if (m.matches()) {
            announced = true;
        } else if ((m = BEGIN.matcher(line)).matches()) {
            running = Optional.of(m.group(1));
            listener.begin(m.group(1));
        } else if ((m = OK.matcher(line)).matches()) {
            finish(new Result(m.group(1), Status.PASSED, Duration.ofNanos(Long.parseLong(m.group(2)) * 1000), ""));
        } else if ((m = FAILED.matcher(line)).matches()) {
            finish(new Result(m.group(1), Status.FAILED, Duration.ZERO, m.group(2).strip()));
        } else if ((m = IGNORED.matcher(line)).matches()) {
            finish(new Result(m.group(1), Status.IGNORED, Duration.ZERO, m.group(2).strip()));
        }
    }

    private void finish(Result result) {
        running = Optional.empty();
        results.add(result);
        listener.end(result);
    }
}
