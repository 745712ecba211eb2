package org.veridianos.releng;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** {@code docs/bundles.txt}, read. */
record BundleTable(Map<String, Row> rows) {

    static final String PREFIX = "org.veridianos.";

    /**
     * @param uses  full names of the bundles it may depend on
     * @param rules the words after the bar
     */
    record Row(String bundle, Set<String> uses, Set<String> rules) {
    }

    static BundleTable read() throws IOException {
        Map<String, Row> rows = new TreeMap<>();
        for (String line : Files.readAllLines(Checkout.ROOT.resolve("docs/bundles.txt"))) {
            if (!line.isBlank() && !line.startsWith("#")) {
                String bundle = line.substring(0, line.indexOf(':')).strip();
                String[] parts = line.substring(line.indexOf(':') + 1).split("\\|");
                rows.put(bundle, new Row(bundle, words(parts[0]).stream().map(PREFIX::concat).collect(Collectors.toCollection(TreeSet::new)), words(parts[1])));
            }
        }
        return new BundleTable(rows);
    }

    private static Set<String> words(String text) {
        return Arrays.stream(text.strip().split("\\s+")).filter(w -> !w.isEmpty()).collect(Collectors.toCollection(TreeSet::new));
    }

    /** The row that a bundle has to keep: its own, or its subject's with the subject added for a test bundle. */
    Row of(String bundle) {
        Row row = rows.get(bundle);
        if (row == null && bundle.endsWith(".tests")) {
            Row subject = rows.get(bundle.substring(0, bundle.length() - ".tests".length()));
            if (subject != null) {
                Set<String> uses = new TreeSet<>(subject.uses());
                uses.add(subject.bundle());
                return new Row(bundle, uses, subject.rules());
            }
        }
        return row;
    }

    /** The bundle that a package or a bundle name belongs to: the longest row that begins it. */
    String bundleOf(String name) {
        return rows.keySet().stream().filter(b -> name.equals(b) || name.startsWith(b + ".")).reduce((a, b) -> a.length() > b.length() ? a : b).orElse(name);
    }
}
