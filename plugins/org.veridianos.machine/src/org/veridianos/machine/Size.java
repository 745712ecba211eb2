package org.veridianos.machine;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes as people write them: {@code 64M}, {@code 4G}; a bare number is MiB, as QEMU reads it. */
public final class Size {

    private static final Pattern FORM = Pattern.compile("(\\d{1,9})\\s*([KMGT]?)(i?B)?", Pattern.CASE_INSENSITIVE);

    private Size() {
    }

    /**
     * The bytes that {@code text} means.
     *
     * @throws IllegalArgumentException with a message for the user
     */
    public static long parse(String text) {
        Matcher form = FORM.matcher(text.strip());
        if (!form.matches()) {
            throw new IllegalArgumentException("'" + text + "' is no size: write 64M or 4G");
        }
        int shift = switch (form.group(2).toUpperCase(java.util.Locale.ROOT)) {
            case "K" -> 10;
            case "G" -> 30;
            case "T" -> 40;
            default -> 20;
        };
        return Math.multiplyExact(Long.parseLong(form.group(1)), 1L << shift);
    }

    /** {@code bytes} in the largest unit that keeps it whole. */
    public static String format(long bytes) {
        String[] units = {"", "K", "M", "G", "T"};
        int unit = 0;
        while (unit < units.length - 1 && bytes != 0 && bytes % 1024 == 0) {
            bytes /= 1024;
            unit++;
        }
        return bytes + units[unit];
    }

    /** {@code bytes} rounded to MiB, for messages. */
    public static String mebibytes(long bytes) {
        return ((bytes + (1 << 20) - 1) >> 20) + " MiB";
    }
}
