package org.veridianos.releng;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.Manifest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.veridianos.releng.BundleTable.Row;

/** Every manifest and every import against the table of bundles; an arrow that runs back fails here. */
class BundleTableTest {

    /** A qualified name: package segments and what follows. */
    private static final Pattern QUALIFIED = Pattern.compile("\\b(?:org\\.(?:veridianos|eclipse|osgi)|java\\.util\\.ServiceLoader)\\b[\\w.]*");
    private static final Pattern WIDGETS = Pattern.compile("org\\.eclipse\\.(swt|jface|ui|debug\\.ui|search\\.ui|compare|e4\\.ui)(\\..*)?");
    private static final Pattern PLATFORM = Pattern.compile("org\\.(eclipse|osgi)(\\..*)?|java\\.util\\.ServiceLoader.*");
    /** LSP4J and ELK are libraries of eclipse.org, not the platform. */
    private static final Pattern LIBRARIES = Pattern.compile("org\\.eclipse\\.(lsp4j|elk)(\\..*)?");

    private BundleTable table;
    private final List<String> findings = new ArrayList<>();

    @BeforeEach
    void read() throws IOException {
        table = BundleTable.read();
    }

    @Test
    void everyBundleHasARowAndEveryRowIsTrue() throws IOException {
        Set<String> folders = new TreeSet<>();
        for (Path bundle : Checkout.bundles()) {
            String name = bundle.getFileName().toString();
            folders.add(name);
            if (table.of(name) == null) {
                findings.add(name + " has no row in docs/bundles.txt");
            }
        }
        for (Row row : table.rows().values()) {
            if (!row.rules().contains("later") && !folders.contains(row.bundle())) {
                findings.add(row.bundle() + " has a row but no folder");
            }
            if (row.rules().contains("later") && folders.contains(row.bundle())) {
                findings.add(row.bundle() + " exists: its row says 'later'");
            }
        }
        assertNoFindings();
    }

    @Test
    void manifestsKeepToTheTable() throws IOException {
        for (Path bundle : Checkout.bundles()) {
            Manifest manifest = Checkout.manifest(bundle);
            for (String header : List.of("Require-Bundle", "Import-Package", "Fragment-Host")) {
                Checkout.names(manifest, header).forEach(name -> check(bundle.getFileName().toString(), name, header));
            }
        }
        assertNoFindings();
    }

    @Test
    void sourcesKeepToTheTable() throws IOException {
        for (Path bundle : Checkout.bundles()) {
            for (Path source : Checkout.sources(bundle)) {
                Matcher name = QUALIFIED.matcher(Checkout.code(source));
                while (name.find()) {
                    check(bundle.getFileName().toString(), name.group(), Checkout.ROOT.relativize(source).toString());
                }
            }
        }
        assertNoFindings();
    }

    @Test
    void manifestsAreOfOneMould() throws IOException {
        for (Path bundle : Checkout.bundles()) {
            Manifest manifest = Checkout.manifest(bundle);
            String name = bundle.getFileName().toString();
            expect(name, name, Checkout.names(manifest, "Bundle-SymbolicName").get(0), "Bundle-SymbolicName");
            expect(name, "0.1.0.qualifier", manifest.getMainAttributes().getValue("Bundle-Version"), "Bundle-Version");
            expect(name, "JavaSE-21", manifest.getMainAttributes().getValue("Bundle-RequiredExecutionEnvironment"), "execution environment");
            expect(name, name, manifest.getMainAttributes().getValue("Automatic-Module-Name"), "Automatic-Module-Name");
        }
        assertNoFindings();
    }

    @Test
    void everyBundleIsBuiltAndShipped() throws IOException {
        String reactor = Files.readString(Checkout.ROOT.resolve("pom.xml"));
        String feature = Files.readString(Checkout.ROOT.resolve("features/org.veridianos.feature/feature.xml"));
        for (Path bundle : Checkout.bundles()) {
            String name = bundle.getFileName().toString();
            if (!reactor.contains("<module>plugins/" + name + "</module>")) {
                findings.add(name + " is no module of pom.xml");
            }
            if (feature.contains("\"" + name + "\"") == name.endsWith(".tests")) {
                findings.add(name + (name.endsWith(".tests") ? " is a test and must not be shipped" : " is missing in org.veridianos.feature"));
            }
        }
        assertNoFindings();
    }

    @Test
    void theReaderOfSourcesSeesCodeOnly() throws IOException {
        Path file = Files.createTempFile("Sample", ".java");
        Files.writeString(file, "/** {@link org.eclipse.A} */ // org.eclipse.B\nString s = \"org.eclipse.C\"; char c = '\"'; org.eclipse.D d; String t = \"\"\"\n org.eclipse.E \"\"\";");
        String code = Checkout.code(file);
        Files.delete(file);
        assertTrue(code.contains("org.eclipse.D"), code);
        assertFalse(code.matches("(?s).*org\\.eclipse\\.[ABCE].*"), code);
    }

    private void check(String bundle, String name, String where) {
        Row row = table.of(bundle);
        if (row == null) {
            return;
        }
        if (name.startsWith(BundleTable.PREFIX)) {
            String used = table.bundleOf(name);
            boolean own = used.equals(row.bundle()) || name.startsWith(row.bundle());
            if (!own && !row.uses().contains(used)) {
                findings.add(bundle + " uses " + used + " (" + where + ")");
            }
        } else if (!LIBRARIES.matcher(name).matches()) {
            if (row.rules().contains("plain") && PLATFORM.matcher(name).matches()) {
                findings.add(bundle + " is plain but uses " + name + " (" + where + ")");
            }
            if (!row.rules().contains("ui") && WIDGETS.matcher(name).matches()) {
                findings.add(bundle + " is no *.ui but uses " + name + " (" + where + ")");
            }
        }
    }

    private void expect(String bundle, String expected, String found, String what) {
        if (!expected.equals(found)) {
            findings.add(bundle + ": " + what + " is " + found + ", not " + expected);
        }
    }

    private void assertNoFindings() {
        assertEquals(List.of(), findings.stream().distinct().toList());
    }
}
