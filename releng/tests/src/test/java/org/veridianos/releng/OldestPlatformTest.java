package org.veridianos.releng;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What the manifests declare as the oldest platform is what the update site is installed into by a test. */
class OldestPlatformTest {

    private static final Pattern IN_TARGET = Pattern.compile("<artifactId>(org\\.eclipse\\.[\\w.]+)</artifactId>\\s*<version>([\\d.]+)</version>");
    private static final Pattern REQUIRED = Pattern.compile("(org\\.eclipse\\.[\\w.]+)(?:;[\\w-]+:?=[\\w.]+)*;bundle-version=\"\\[([\\d.]+),");

    @Test
    void lowerBoundsAreTheTestedVersions() throws IOException {
        Map<String, String> oldest = new TreeMap<>();
        Matcher bundle = IN_TARGET.matcher(Files.readString(Checkout.ROOT.resolve("releng/oldest/oldest.target")));
        while (bundle.find()) {
            oldest.put(bundle.group(1), bundle.group(2));
        }
        assertFalse(oldest.isEmpty());
        List<String> findings = new ArrayList<>();
        for (Path folder : Checkout.bundles()) {
            String value = Checkout.manifest(folder).getMainAttributes().getValue("Require-Bundle");
            Matcher required = REQUIRED.matcher(value == null || folder.toString().endsWith(".tests") ? "" : value);
            while (required.find()) {
                String tested = oldest.get(required.group(1));
                if (tested != null && !tested.equals(required.group(2))) {
                    findings.add(folder.getFileName() + " asks for " + required.group(1) + " " + required.group(2) + ", tested is " + tested);
                }
            }
            for (String name : Checkout.names(Checkout.manifest(folder), "Require-Bundle")) {
                if (oldest.containsKey(name) && !folder.toString().endsWith(".tests") && !value.contains(name + ";")) {
                    findings.add(folder.getFileName() + " asks for any version of " + name);
                }
            }
        }
        assertEquals(List.of(), findings);
    }
}
