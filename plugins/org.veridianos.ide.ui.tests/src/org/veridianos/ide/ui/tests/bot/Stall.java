package org.veridianos.ide.ui.tests.bot;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * One time in which the UI thread gave no answer, and whose it was.
 *
 * <p>Each sample of the thread's stack stands for the time until the next one. It is the platform's only if a {@link
 * PlatformOperation} is named in it and no code of this project stands above the innermost event loop; all the rest is ours to answer for.
 *
 * @param length  nanoseconds, without what the scheduler and not the program is to blame for
 * @param waits   what was measured, in words
 * @param samples what the thread was seen at, in order
 */
record Stall(long length, String waits, List<Sample> samples) {

    /**
     * The thread's stack, innermost frame first; empty when the watcher stood still too.
     *
     * @param span nanoseconds until the next sample, or until the answer
     */
    record Sample(StackTraceElement[] stack, long span) {

        /** Below the innermost event loop stands who opened a dialog; what stalls is the event that the loop dispatches. */
        private List<StackTraceElement> event() {
            return Arrays.stream(stack).takeWhile(frame -> !frame.getMethodName().equals("readAndDispatch")).toList();
        }

        Optional<PlatformOperation> operation() {
            if (stack.length == 0) {
                return Optional.of(PlatformOperation.STANDSTILL);
            }
            return event().stream().anyMatch(Sample::isOurs) ? Optional.empty() : PlatformOperation.in(event());
        }

        private static boolean isOurs(StackTraceElement frame) {
            return frame.getClassName().startsWith("org.veridianos.") && !frame.getClassName().contains(".tests.");
        }

        /**
         * Whether the thread is in GTK, which may wait for the display server, or in Java code, which waits for nothing: where it
         * stands still all the same, the virtual machine stopped it there or on the way back from GTK.
         */
        boolean mayStandForOthers() {
            return stack.length > 0 && (!stack[0].isNativeMethod() || stack[0].getClassName().startsWith("org.eclipse.swt.internal."));
        }
    }

    /** The stall between two moments of which {@code samples} were taken. */
    static Stall between(ThreadClock.Moment asked, ThreadClock.Moment answered, List<Sample> samples) {
        long wall = answered.wall() - asked.wall();
        long length = wall - (answered.ready() - asked.ready());
        long waited = Math.max(0, length - (answered.ran() - asked.ran()));
        long server = answered.serverReady() - asked.serverReady();
        long vm = answered.vmReady() - asked.vmReady();
        String waits = String.format("%d ms by the clock; it ran %d and waited %d for a CPU, the display server waited %d, the VM %d",
                wall / 1_000_000, (answered.ran() - asked.ran()) / 1_000_000, (wall - length) / 1_000_000, server / 1_000_000, vm / 1_000_000);
        // The watcher came too late to see anything: only what the thread is known to have done counts.
        long notOurs = samples.isEmpty() ? waited : Math.min(part(waited, samples, Sample::mayStandForOthers), server + vm);
        return new Stall(length - notOurs, waits, samples);
    }

    private static long part(long time, List<Sample> samples, Predicate<Sample> which) {
        long total = samples.stream().mapToLong(Sample::span).sum();
        return total == 0 ? 0 : (long) ((double) time * samples.stream().filter(which).mapToLong(Sample::span).sum() / total);
    }

    /** What of it goes beyond a limit, in words with stacks; empty if nothing does. */
    String verdict(long limitMs) {
        Map<PlatformOperation, Long> theirs = new EnumMap<>(PlatformOperation.class);
        long unnamed = length;
        for (Sample sample : samples) {
            Optional<PlatformOperation> operation = sample.operation();
            if (operation.isPresent()) {
                long share = share(sample);
                theirs.merge(operation.get(), share, Long::sum);
                unnamed -= share;
            }
        }
        StringBuilder text = new StringBuilder();
        if (unnamed > limitMs * 1_000_000) {
            text.append(unnamed / 1_000_000).append(" ms in no operation that is known to take long").append(stacks(Optional.empty()));
        }
        theirs.forEach((operation, share) -> {
            if (share > operation.limitMs() * 1_000_000L) {
                text.append(share / 1_000_000).append(" ms in ").append(operation).append(", whose limit is ").append(operation.limitMs())
                        .append(" ms").append(stacks(Optional.of(operation)));
            }
        });
        return text.toString();
    }

    /** Everything, for people who look for the cause. */
    String describe() {
        Map<Optional<PlatformOperation>, Long> shares = samples.stream()
                .collect(Collectors.groupingBy(Sample::operation, Collectors.summingLong(this::share)));
        return length / 1_000_000 + " ms (" + waits + ")" + shares.entrySet().stream().map(e -> "\n " + e.getKey().map(Enum::name).orElse("unnamed")
                + " " + e.getValue() / 1_000_000 + " ms" + stacks(e.getKey())).collect(Collectors.joining());
    }

    /** Up to three stacks of that operation, the longest seen first: the frames above the event loop. */
    private String stacks(Optional<PlatformOperation> operation) {
        Map<String, Long> seen = samples.stream().filter(s -> s.operation().equals(operation)).collect(Collectors.groupingBy(
                s -> s.event().stream().limit(70).map(f -> "\n    at " + f).collect(Collectors.joining()), Collectors.summingLong(this::share)));
        return seen.entrySet().stream().sorted(Map.Entry.<String, Long>comparingByValue().reversed()).limit(3)
                .map(e -> "\n  " + e.getValue() / 1_000_000 + " ms" + e.getKey()).collect(Collectors.joining()) + "\n";
    }

    private long share(Sample sample) {
        return part(length, samples, each -> each == sample);
    }
}
