package org.veridianos.ide.ui.tests.bot;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.swt.SWTException;
import org.eclipse.swt.widgets.Display;
import org.eclipse.ui.PlatformUI;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a workbench test in which the UI thread did not answer for more than {@value #LIMIT_MS} ms, with the stack it had.
 *
 * <p>What counts is our part of a stall: the share of its samples whose stack holds a frame of an {@code org.veridianos}
 * class that is no test above the innermost event loop, and that includes everything that our code called. The platform's part (its menus, its first use
 * of a dialog) is printed, and fails a test beyond {@value #PLATFORM_LIMIT_MS} ms.
 *
 * <p>A watcher keeps one small question posted to the UI thread and, when the answer is late, samples the thread's stack
 * until it comes. The time in which the operating system let the thread wait for a CPU although it was ready to run
 * (Linux: {@code schedstat}) is not the program's doing on a busy computer and is taken off; waiting for a lock, a file, a
 * process or another thread counts in full. Since the thread also waits for the display server, which competes for the same
 * CPUs, the limit grows with the load where more programs want to run than there are CPUs; on a quiet computer it is what
 * it says.
 */
public final class UiWatchdog implements BeforeEachCallback, AfterEachCallback {

    /** The longest stall that passes. */
    public static final int LIMIT_MS = 100;
    /** The longest stall of the platform alone that passes. */
    public static final int PLATFORM_LIMIT_MS = 1500;
    private static final int SAMPLE_MS = 10;

    private static volatile Path schedstat;

    private volatile boolean watching;
    private Thread watcher;
    private final List<String> stalls = new ArrayList<>();

    @Override
    public void beforeEach(ExtensionContext context) {
        start();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        List<String> found = stop();
        if (!found.isEmpty()) {
            throw new AssertionError("The UI thread stalled in " + context.getDisplayName() + ":\n" + String.join("\n", found));
        }
    }

    /** Begins to watch. */
    public void start() {
        Display display = PlatformUI.getWorkbench().getDisplay();
        if (schedstat == null) {
            display.syncExec(() -> schedstat = ownSchedstat());
        }
        stalls.clear();
        watching = true;
        watcher = new Thread(() -> watch(display), "UI watchdog");
        watcher.setDaemon(true);
        watcher.setPriority(Thread.MAX_PRIORITY);
        watcher.start();
    }

    /** Ends watching and says what was found. */
    public List<String> stop() {
        watching = false;
        try {
            watcher.join();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        synchronized (stalls) {
            return List.copyOf(stalls);
        }
    }

    private void watch(Display display) {
        while (watching && !display.isDisposed()) {
            AtomicBoolean answered = new AtomicBoolean();
            long asked = System.nanoTime();
            long delayed = runDelay();
            try {
                display.asyncExec(() -> answered.set(true));
            } catch (SWTException disposed) {
                return;
            }
            List<StackTraceElement[]> samples = new ArrayList<>();
            while (!answered.get() && watching) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(SAMPLE_MS));
                long waited = System.nanoTime() - asked;
                if (!answered.get() && waited > TimeUnit.MILLISECONDS.toNanos(SAMPLE_MS) && samples.size() < 500) {
                    samples.add(display.getThread().getStackTrace());
                }
            }
            long stalled = System.nanoTime() - asked - (runDelay() - delayed);
            if (answered.get() && stalled > TimeUnit.MILLISECONDS.toNanos(LIMIT_MS)) {
                report(TimeUnit.NANOSECONDS.toMillis(stalled), samples);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(SAMPLE_MS));
        }
    }

    private void report(long milliseconds, List<StackTraceElement[]> samples) {
        List<StackTraceElement[]> ours = samples.stream().filter(UiWatchdog::isOurs).toList();
        long part = samples.isEmpty() ? 0 : milliseconds * ours.size() / samples.size();
        double crowd = crowd();
        boolean fails = part > LIMIT_MS * crowd || milliseconds > PLATFORM_LIMIT_MS * crowd;
        List<StackTraceElement[]> shown = part > LIMIT_MS ? ours : samples;
        StringBuilder text = new StringBuilder().append(milliseconds).append(" ms without an answer, our part ").append(part)
                .append(" ms, load ").append(Math.round(crowd * 100)).append(" %");
        if (!shown.isEmpty()) {
            text.append(", in the middle at");
            Arrays.stream(shown.get(shown.size() / 2)).limit(fails ? 60 : 3).forEach(frame -> text.append("\n    at ").append(frame));
        }
        if (fails) {
            synchronized (stalls) {
                stalls.add(text.toString());
            }
        } else {
            System.out.println("UI watchdog, not a failure: " + text);
        }
    }

    /** How many programs want each CPU, at least one. */
    private static double crowd() {
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        return Math.max(1, load / Runtime.getRuntime().availableProcessors());
    }

    /** Below the innermost event loop stands who opened a dialog; what stalls is the event that the loop dispatches. */
    private static boolean isOurs(StackTraceElement[] stack) {
        return Arrays.stream(stack).takeWhile(frame -> !frame.getMethodName().equals("readAndDispatch")).map(StackTraceElement::getClassName).anyMatch(name -> name.startsWith("org.veridianos.") && !name.contains(".tests."));
    }

    /** Nanoseconds that the UI thread was ready to run and had no CPU, since it was made. */
    private static long runDelay() {
        try {
            return schedstat == null ? 0 : Long.parseLong(Files.readString(schedstat).strip().split(" ")[1]);
        } catch (IOException | RuntimeException elsewhere) {
            return 0;
        }
    }

    private static Path ownSchedstat() {
        try {
            return Path.of("/proc").resolve(Files.readSymbolicLink(Path.of("/proc/thread-self"))).resolve("schedstat");
        } catch (IOException | UnsupportedOperationException elsewhere) {
            return null;
        }
    }
}
