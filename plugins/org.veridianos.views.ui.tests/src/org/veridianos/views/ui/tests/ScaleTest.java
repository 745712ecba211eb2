package org.veridianos.views.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.swt.SWT;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Listener;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.WarmUp;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.MemorySource;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.sample.Scale;
import org.veridianos.inspect.sample.SyntheticKernel;
import org.veridianos.views.ui.capabilities.CapabilitySpacesView;
import org.veridianos.views.ui.graph.DerivationView;
import org.veridianos.views.ui.graph.WaitForView;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.memory.BytesView;
import org.veridianos.views.ui.memory.MemoryView;
import org.veridianos.views.ui.model.PageModel.Tab;
import org.veridianos.views.ui.objects.ObjectsView;
import org.veridianos.views.ui.pages.PageTablesView;
import org.veridianos.views.ui.runqueues.RunQueuesView;
import org.veridianos.views.ui.threads.ThreadsView;

/**
 * Every view on a kernel of 4,096 processes, 16,384 threads, 500,000 capabilities and 1 GiB in pages of 4 KiB: what a frame takes of
 * the UI thread, painting included, what its model takes in the background, and what all of it takes of memory. Time is that of the
 * thread on a CPU, which other work on the computer does not lengthen.
 */
@ExtendWith(WarmUp.class)
class ScaleTest {

    private static final double FRAME_MS = 16;
    private static final int WARM = 8;
    private static final int FRAMES = 15;
    private static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();

    private final List<String> tooSlow = new ArrayList<>();
    private final Set<LiveView<?>> measured = new LinkedHashSet<>();

    @BeforeAll
    static void perspective() throws CoreException {
        Guest.endAll();
        ViewsTest.perspective();
    }

    @Test
    void aFrameOfAnyViewOfALargeKernelIsShownInTime() throws Exception {
        Bot.tidy();
        try (MemorySource source = SyntheticKernel.of(Scale.LARGE).source()) {
            long empty = used();
            System.out.printf("%-36s %10s %10s %12s%n", "VIEW", "UI MS", "AT MOST", "BEHIND IT MS");
            measure("Run Queues", ViewsTest.show(RunQueuesView.ID, RunQueuesView.class), source);
            measure("Capability Spaces", ViewsTest.show(CapabilitySpacesView.ID, CapabilitySpacesView.class), source);
            measure("Capability Derivation", ViewsTest.show(DerivationView.ID, DerivationView.class), source);
            measure("Wait-For Graph", ViewsTest.show(WaitForView.ID, WaitForView.class), source);
            measure("Threads & Processes", ViewsTest.show(ThreadsView.ID, ThreadsView.class), source);
            measure("Physical Memory", ViewsTest.show(MemoryView.ID, MemoryView.class), source);
            measure("Kernel Objects", ViewsTest.show(ObjectsView.ID, ObjectsView.class), source);
            measure("Memory Contents", ViewsTest.show(BytesView.ID, BytesView.class), source);
            PageTablesView pages = ViewsTest.show(PageTablesView.ID, PageTablesView.class);
            for (Tab tab : Tab.values()) {
                Bot.run(() -> pages.showTab(tab));
                measure("Page Tables, " + tab.name().toLowerCase(Locale.ROOT), pages, source);
            }
            long full = used();
            System.out.printf("memory: %d MiB for the kernel, %d MiB more for what all views show%n", empty >> 20, full - empty >> 20);
            assertEquals(List.of(), tooSlow);
            assertTrue(full - empty < 512L << 20, "what views hold is bounded");
        }
    }

    /** Lets go of what is shown: no machine runs. */
    @AfterEach
    void emptyTheViews() {
        measured.forEach(view -> Bot.run(view::refresh));
        Bot.waitFor("empty views", () -> measured.stream().allMatch(view -> view.model() == null));
    }

    private <M> void measure(String name, LiveView<M> view, MemorySource source) throws Exception {
        measured.add(view);
        Bot.idle();
        int[] painted = {0};
        Listener count = e -> painted[0]++;
        Bot.run(() -> painting(view).addListener(SWT.Paint, count));
        double[] shown = new double[FRAMES];
        double[] made = new double[FRAMES];
        M previous = null;
        for (int i = -WARM; i < FRAMES; i++) {
            Reading<M> reading = Bot.ui(view::wanted);
            Snapshot snapshot = source.take(reading.request(), Cancel.NEVER);
            long start = CLOCK.getCurrentThreadCpuTime();
            M model = reading.maker().make(snapshot, source.memory(), previous);
            double making = (CLOCK.getCurrentThreadCpuTime() - start) / 1e6;
            previous = model;
            long taken = Bot.ui(() -> {
                long begin = CLOCK.getCurrentThreadCpuTime();
                view.present(snapshot, model);
                paint(painting(view));
                return CLOCK.getCurrentThreadCpuTime() - begin;
            });
            if (i >= 0) {
                shown[i] = taken / 1e6;
                made[i] = making;
            }
        }
        Bot.run(() -> painting(view).removeListener(SWT.Paint, count));
        Arrays.sort(shown);
        Arrays.sort(made);
        System.out.printf("%-36s %10.1f %10.1f %12.1f%n", name, shown[FRAMES / 2], shown[FRAMES - 1], made[FRAMES / 2]);
        assertTrue(painted[0] > 0, name + " was not painted");
        if (shown[FRAMES / 2] > FRAME_MS) {
            tooSlow.add(name + ": " + shown[FRAMES / 2] + " ms");
        }
    }

    /** The picture where there is one, else the table. */
    private static Control painting(LiveView<?> view) {
        return switch (view) {
            case RunQueuesView queues -> queues.canvas();
            case CapabilitySpacesView spaces -> spaces.canvas();
            case PageTablesView pages -> pages.canvas();
            case MemoryView memory -> memory.canvas();
            case DerivationView derivation -> derivation.canvas();
            case WaitForView waits -> waits.canvas();
            default -> view.tableControl();
        };
    }

    /** Has the whole view painted at once, as a frame in which everything changed. */
    private static void paint(Control control) {
        Composite whole = control.getParent();
        whole.redraw(0, 0, whole.getSize().x, whole.getSize().y, true);
        whole.update();
        control.redraw();
        control.update();
    }

    private static long used() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}
