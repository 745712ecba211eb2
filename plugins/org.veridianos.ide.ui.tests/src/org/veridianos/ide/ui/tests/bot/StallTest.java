package org.veridianos.ide.ui.tests.bot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Whose a stall is, on stacks made up, and that the watchdog sees a real one. */
class StallTest {

    private static final String THEME = "org.eclipse.e4.ui.css.swt.internal.theme.ThemeEngine.setTheme";
    private static final String OURS = "org.veridianos.ide.ui.launch.MachineTab.show";
    private static final String LOOP = "org.eclipse.swt.widgets.Display.readAndDispatch";

    private static Stall.Sample sample(int milliseconds, String... methods) {
        StackTraceElement[] stack = Arrays.stream(methods).map(StallTest::frame).toArray(StackTraceElement[]::new);
        return new Stall.Sample(stack, TimeUnit.MILLISECONDS.toNanos(milliseconds));
    }

    private static StackTraceElement frame(String method) {
        int dot = method.lastIndexOf('.');
        boolean isNative = method.endsWith("wait0") || method.contains("internal.gtk");
        return new StackTraceElement(method.substring(0, dot), method.substring(dot + 1), null, isNative ? -2 : -1);
    }

    private static String verdict(Stall.Sample... samples) {
        return new Stall(Arrays.stream(samples).mapToLong(Stall.Sample::span).sum(), "", List.of(samples)).verdict(UiWatchdog.LIMIT_MS);
    }

    @Test
    void whatIsNotNamedFailsBeyondTheLimit() {
        assertEquals("", verdict(sample(99, "org.eclipse.swt.widgets.Tree.redraw")));
        assertTrue(verdict(sample(101, "org.eclipse.swt.widgets.Tree.redraw")).contains("Tree.redraw"));
    }

    @Test
    void aNamedOperationHasItsOwnLimit() {
        assertEquals("", verdict(sample(150, "java.lang.String.length", THEME)));
        assertTrue(verdict(sample(PlatformOperation.THEME.limitMs() + 1, "java.lang.String.length", THEME)).contains("THEME"));
    }

    @Test
    void ourCodeIsNeverExcepted() {
        assertTrue(verdict(sample(101, "java.lang.String.length", OURS, THEME)).contains(OURS));
        assertTrue(verdict(sample(150, THEME), sample(60, "java.lang.String.length", OURS, THEME), sample(60, "org.eclipse.swt.widgets.Tree.redraw"))
                .contains("120 ms in no operation"));
    }

    @Test
    void whatWaitsBelowAnEventLoopIsNotTheEvent() {
        assertEquals("", verdict(sample(150, THEME, LOOP, OURS)));
        assertTrue(verdict(sample(101, OURS, LOOP, THEME)).contains(OURS));
    }

    @Test
    void waitingForACpuIsTakenOffAndWaitingForAnythingElseIsNot() {
        List<Stall.Sample> inToolkit = List.of(sample(200, "org.eclipse.swt.internal.gtk.GDK.gdk_flush"));
        List<Stall.Sample> inLock = List.of(sample(200, "java.lang.Object.wait0"));
        List<Stall.Sample> inJava = List.of(sample(200, "java.lang.String.length"));
        assertEquals(50, length(inLock, moment(200, 20, 150, 0, 0)));
        assertEquals(200, length(inLock, moment(200, 20, 0, 150, 150)));
        assertEquals(50, length(inToolkit, moment(200, 20, 0, 150, 0)));
        assertEquals(180, length(inToolkit, moment(200, 180, 0, 150, 0)));
        assertEquals(50, length(inToolkit, moment(200, 20, 0, 0, 150)));
        assertEquals(50, length(inJava, moment(200, 20, 0, 0, 150)));
        assertEquals(30, length(List.of(), moment(200, 30, 0, 0, 0)));
        assertEquals(180, length(inJava, moment(200, 180, 0, 0, 150)));
    }

    private static long length(List<Stall.Sample> samples, ThreadClock.Moment answered) {
        return Stall.between(moment(0, 0, 0, 0, 0), answered, samples).length() / 1_000_000;
    }

    private static ThreadClock.Moment moment(long... milliseconds) {
        long[] nano = Arrays.stream(milliseconds).map(TimeUnit.MILLISECONDS::toNanos).toArray();
        return new ThreadClock.Moment(nano[0], nano[1], nano[2], nano[3], nano[4]);
    }

    @Test
    void whereTheWatcherStoodStillTooNobodyIsToBlame() {
        assertEquals("", verdict(sample(600), sample(60, "java.lang.String.length", OURS)));
        assertTrue(verdict(sample(600), sample(101, "java.lang.String.length", OURS)).contains(OURS));
        assertTrue(verdict(sample(PlatformOperation.STANDSTILL.limitMs() + 1)).contains("STANDSTILL"));
        assertEquals(90, TimeUnit.NANOSECONDS.toMillis(moment(0, 0, 0, 0, 0).stoodStill(moment(100, 4, 6, 0, 0))));
    }

    @Test
    void aRealStallIsFound() {
        UiWatchdog watchdog = new UiWatchdog();
        watchdog.start();
        Bot.run(() -> Bot.sleep(2 * UiWatchdog.LIMIT_MS));
        Bot.idle();
        watchdog.stop();
        List<String> found = watchdog.found();
        assertTrue(found.stream().anyMatch(text -> text.contains("Bot.sleep")), found.toString());
    }
}
