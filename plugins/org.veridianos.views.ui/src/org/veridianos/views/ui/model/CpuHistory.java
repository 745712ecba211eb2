package org.veridianos.views.ui.model;

import java.util.Arrays;

/**
 * What a CPU did lately: samples at least {@value #STEP_MS} ms apart, the newest last. Immutable.
 *
 * @param times      host's clock in milliseconds
 * @param load       ready and running threads
 * @param switches   switches per second since the sample before
 * @param migrations migrations per second since the sample before
 * @param counts     the kernel's counts at the newest sample: switches, migrations
 */
public record CpuHistory(long[] times, double[] load, double[] switches, double[] migrations, long[] counts) {

    /** Distance of samples. */
    public static final int STEP_MS = 500;
    /** Samples that are kept: a minute. */
    public static final int MOST = 120;

    /** The history that begins here. */
    public static CpuHistory begin(long time, double load, long switches, long migrations) {
        return new CpuHistory(new long[] {time}, new double[] {load}, new double[] {0}, new double[] {0}, new long[] {switches, migrations});
    }

    /** The same with a newer sample, unless it comes too soon. */
    public CpuHistory with(long time, double newLoad, long newSwitches, long newMigrations) {
        long passed = time - times[times.length - 1];
        if (passed < STEP_MS) {
            return this;
        }
        double seconds = passed / 1000.0;
        return new CpuHistory(append(times, time), append(load, newLoad), append(switches, Math.max(0, newSwitches - counts[0]) / seconds),
                append(migrations, Math.max(0, newMigrations - counts[1]) / seconds), new long[] {newSwitches, newMigrations});
    }

    /** The newest value of a series. */
    public static double last(double[] series) {
        return series[series.length - 1];
    }

    private static long[] append(long[] series, long value) {
        int from = series.length >= MOST ? 1 : 0;
        long[] longer = Arrays.copyOfRange(series, from, series.length + 1);
        longer[longer.length - 1] = value;
        return longer;
    }

    private static double[] append(double[] series, double value) {
        int from = series.length >= MOST ? 1 : 0;
        double[] longer = Arrays.copyOfRange(series, from, series.length + 1);
        longer[longer.length - 1] = value;
        return longer;
    }
}
