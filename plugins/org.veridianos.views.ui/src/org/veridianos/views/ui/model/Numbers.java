package org.veridianos.views.ui.model;

import java.util.Locale;

/** Numbers as kernel people read them. */
public final class Numbers {

    private static final char THIN_SPACE = '\u2009';

    private Numbers() {
    }

    /** An address or token: hexadecimal, grouped by four digits, without leading zeros. */
    public static String hex(long value) {
        return grouped(Long.toHexString(value), 4, ' ');
    }

    /** The plain number behind {@link #hex}, for copying. */
    public static String plainHex(long value) {
        return "0x" + Long.toHexString(value);
    }

    /** A count with thin spaces between thousands. */
    public static String count(long value) {
        return value < 0 ? "\u2212" + grouped(Long.toString(-value), 3, THIN_SPACE) : grouped(Long.toString(value), 3, THIN_SPACE);
    }

    private static String grouped(String digits, int group, char between) {
        StringBuilder text = new StringBuilder(digits);
        for (int at = digits.length() - group; at > 0; at -= group) {
            text.insert(at, between);
        }
        return text.toString();
    }

    /** Bytes in the largest unit that keeps three significant digits: {@code 4 KiB}, {@code 1.5 MiB}. */
    public static String size(long bytes) {
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
        double value = bytes < 0 ? bytes + 0x1p64 : bytes;
        int unit = 0;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return significant(value) + " " + units[unit];
    }

    /** Nanoseconds with three significant digits and an SI unit. */
    public static String time(long nanoseconds) {
        String[] units = {"ns", "\u00b5s", "ms", "s"};
        double value = nanoseconds;
        int unit = 0;
        while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
            value /= 1000;
            unit++;
        }
        return significant(value) + " " + units[unit];
    }

    /** At most three significant digits, without superfluous zeros; whole numbers as counts. */
    public static String significant(double value) {
        double size = Math.abs(value);
        if (size >= 99.95 || value == Math.rint(value)) {
            return count(Math.round(value));
        }
        String text = String.format(Locale.ROOT, size >= 9.995 ? "%.1f" : "%.2f", value);
        return text.replaceAll("\\.?0+$", "");
    }
}
