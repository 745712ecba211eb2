package org.veridianos.ide.ui.tests.bot;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.swt.SWTException;
import org.eclipse.swt.widgets.Display;
import org.eclipse.ui.PlatformUI;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a workbench test in which the UI thread did not answer for more than {@value #LIMIT_MS} ms, with the stacks it had.
 *
 * <p>A watcher keeps one small question posted to the UI thread and, when the answer is late, samples the thread's stack
 * until it comes. The limit holds for all code but the platform's operations in {@link PlatformOperation}, each of which has
 * one of its own; where this project's code takes part, nothing is excepted. What {@link ThreadClock} measures as waiting for a
 * CPU is not the program's doing and is taken off; waiting for a lock, a file, a process or another thread counts in full.
 *
 * <p>All stalls, also those that pass, are in {@code stalls.txt} beside the pictures.
 */
public final class UiWatchdog implements BeforeAllCallback, AfterEachCallback, AfterAllCallback {

    /** The longest stall that passes. */
    public static final int LIMIT_MS = 100;
    /** The watcher's name; the system keeps 15 characters. */
    static final String THREAD = "UI watchdog";
    private static final int PAUSE_MS = 5;
    private static final int SAMPLE_MS = 10;
    /** What the watcher itself may sleep longer than it wants before everything is said to stand still. */
    private static final int STANDSTILL_MS = 50;
    private static final int MOST_SAMPLES = 1000;

    private volatile boolean watching;
    private volatile String test;
    private Thread watcher;
    private final List<String> stalls = new ArrayList<>();

    @Override
    public void beforeAll(ExtensionContext context) {
        test = context.getDisplayName();
        start();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        fail(context);
    }

    @Override
    public void afterAll(ExtensionContext context) {
        stop();
        fail(context);
    }

    private void fail(ExtensionContext context) {
        List<String> found = found();
        if (!found.isEmpty()) {
            throw new AssertionError("The UI thread stalled in " + context.getDisplayName() + ":\n" + String.join("\n", found));
        }
    }

    /** Begins to watch. */
    public void start() {
        Display display = PlatformUI.getWorkbench().getDisplay();
        Path schedstat = Bot.ui(ThreadClock::ofThisThread);
        watching = true;
        watcher = new Thread(() -> watch(display, ThreadClock.of(schedstat)), THREAD);
        watcher.setDaemon(true);
        watcher.setPriority(Thread.MAX_PRIORITY);
        watcher.start();
    }

    /** Ends watching. */
    public void stop() {
        watching = false;
        try {
            watcher.join();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** What was found since it was last asked. */
    public List<String> found() {
        synchronized (stalls) {
            List<String> found = List.copyOf(stalls);
            stalls.clear();
            return found;
        }
    }

    private void watch(Display display, ThreadClock clock) {
        ThreadClock own = ThreadClock.of(ThreadClock.ofThisThread());
        while (watching && !display.isDisposed()) {
            AtomicReference<ThreadClock.Moment> answer = new AtomicReference<>();
            ThreadClock.Moment last = own.now();
            ThreadClock.Moment asked = clock.now();
            try {
                display.asyncExec(() -> answer.set(clock.now()));
            } catch (SWTException disposed) {
                return;
            }
            List<StackTraceElement[]> stacks = new ArrayList<>();
            List<Long> times = new ArrayList<>();
            do {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(SAMPLE_MS));
                ThreadClock.Moment now = own.now();
                if (last.stoodStill(now) > TimeUnit.MILLISECONDS.toNanos(STANDSTILL_MS)) {
                    times.add(last.wall());
                    stacks.add(new StackTraceElement[0]);
                }
                last = now;
                if (answer.get() == null && stacks.size() < MOST_SAMPLES) {
                    times.add(System.nanoTime());
                    stacks.add(display.getThread().getStackTrace());
                }
            } while (answer.get() == null && watching);
            ThreadClock.Moment answered = answer.get();
            if (answered != null && answered.wall() - asked.wall() > TimeUnit.MILLISECONDS.toNanos(LIMIT_MS)) {
                report(Stall.between(asked, answered, samples(stacks, times, asked.wall(), answered.wall())));
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(PAUSE_MS));
        }
    }

    /** The first sample also stands for the time before it. */
    private static List<Stall.Sample> samples(List<StackTraceElement[]> stacks, List<Long> times, long asked, long answered) {
        List<Stall.Sample> samples = new ArrayList<>();
        for (int i = 0; i < stacks.size() && times.get(i) < answered; i++) {
            long from = i == 0 ? asked : times.get(i);
            long to = i + 1 < times.size() ? Math.min(times.get(i + 1), answered) : answered;
            samples.add(new Stall.Sample(stacks.get(i), to - from));
        }
        return samples;
    }

    private void report(Stall stall) {
        if (stall.length() <= TimeUnit.MILLISECONDS.toNanos(LIMIT_MS)) {
            return;
        }
        String verdict = stall.verdict(LIMIT_MS);
        Path log = Path.of(System.getProperty("veridian.pictures", "target/pictures"), "stalls.txt");
        try {
            Files.createDirectories(log.getParent());
            Files.writeString(log, test + ": " + stall.describe() + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException unwritable) {
            System.out.println("UI watchdog: " + unwritable);
        }
        if (!verdict.isEmpty()) {
            synchronized (stalls) {
                stalls.add(verdict);
            }
        }
    }
}
