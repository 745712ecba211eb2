package org.veridianos.inspect.sample;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.InspectException;
import org.veridianos.inspect.MemorySource;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.DerivationGraph;
import org.veridianos.inspect.analysis.SnapshotDiff;
import org.veridianos.inspect.analysis.WaitForGraph;
import org.veridianos.inspect.model.PageTable.Half;

/** How long snapshots of a large kernel take: what {@code ./veridian inspect --scale} prints. */
public final class Scale {

    /** The kernel that views must bear: 4,096 processes, 16,384 threads, 500,000 capabilities, 1 GiB in pages of 4 KiB. */
    public static final SyntheticKernel.Size LARGE = new SyntheticKernel.Size(4096, 4, 123, 2000, 262_144);

    /**
     * A measured row.
     *
     * @param what         a part, or an analysis
     * @param count        what it consisted of, in words
     * @param milliseconds median of several rounds, when everything is warm
     * @param processor    the same in time on a CPU, which other work on the machine does not lengthen
     */
    public record Row(String what, String count, double milliseconds, double processor) {
    }

    private static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();

    private Scale() {
    }

    /** Measures every part, and the analyses. */
    public static List<Row> measure(SyntheticKernel.Size size, int rounds) throws IOException, InspectException {
        SyntheticKernel kernel = SyntheticKernel.of(size);
        List<Row> rows = new ArrayList<>();
        try (MemorySource source = kernel.source()) {
            Map<String, Request> parts = new LinkedHashMap<>();
            for (Part part : Part.values()) {
                parts.put(part.name().toLowerCase(Locale.ROOT).replace('_', ' '), Request.of(part).withDepth(2));
            }
            Snapshot last = null;
            for (Map.Entry<String, Request> part : parts.entrySet()) {
                long[] times = new long[rounds];
                long[] processor = new long[rounds];
                for (int i = 0; i < rounds; i++) {
                    long start = CLOCK.getCurrentThreadCpuTime();
                    last = source.take(part.getValue(), Cancel.NEVER);
                    processor[i] = CLOCK.getCurrentThreadCpuTime() - start;
                    times[i] = last.nanoseconds();
                }
                rows.add(new Row(part.getKey(), count(last), median(times), median(processor)));
            }
            last = null;
            long before = used();
            long begin = CLOCK.getCurrentThreadCpuTime();
            Snapshot all = source.take(Request.everything(), Cancel.NEVER);
            double taken = (CLOCK.getCurrentThreadCpuTime() - begin) / 1e6;
            rows.add(new Row("everything at once", (used() - before >> 20) + " MiB of memory", all.nanoseconds() / 1e6, taken));
            Map<String, Runnable> analyses = new LinkedHashMap<>();
            analyses.put("derivation graph", () -> new DerivationGraph(all.capabilitySpaces()));
            analyses.put("wait-for graph", () -> new WaitForGraph(all));
            analyses.put("ranges of all spaces", () -> all.pageTables().forEach(t -> t.ranges(Half.USER, 1 << 20)));
            analyses.put("difference", () -> SnapshotDiff.of(all, all));
            for (Map.Entry<String, Runnable> analysis : analyses.entrySet()) {
                long[] times = new long[rounds];
                long[] processor = new long[rounds];
                for (int i = 0; i < rounds; i++) {
                    long start = System.nanoTime();
                    long startProcessor = CLOCK.getCurrentThreadCpuTime();
                    analysis.getValue().run();
                    processor[i] = CLOCK.getCurrentThreadCpuTime() - startProcessor;
                    times[i] = System.nanoTime() - start;
                }
                rows.add(new Row(analysis.getKey(), "", median(times), median(processor)));
            }
        }
        return rows;
    }

    private static long used() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    private static double median(long[] times) {
        Arrays.sort(times);
        return times[times.length / 2] / 1e6;
    }

    private static String count(Snapshot s) {
        List<String> words = new ArrayList<>();
        words.add(s.processes().size() + " processes, " + s.threads().size() + " threads");
        if (!s.runQueues().isEmpty()) {
            words.add(s.runQueues().stream().mapToInt(q -> q.ready().size()).sum() + " ready");
        }
        if (!s.capabilitySpaces().isEmpty()) {
            words.add(s.capabilitySpaces().stream().mapToInt(c -> c.capabilities().size()).sum() + " capabilities");
        }
        if (!s.pageTables().isEmpty()) {
            long[] pages = {0};
            s.pageTables().forEach(t -> t.forEachPage(Half.ALL, 1L << 24, (virtual, physical, level, permissions, entry) -> ++pages[0] > 0));
            words.add(pages[0] + " pages");
        }
        s.memory().ifPresent(m -> words.add(m.frames().sections().stream().mapToInt(f -> f.size()).sum() + " frames"));
        return String.join(", ", words);
    }
}
