package org.veridianos.releng.p2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The life of the update site in somebody else's Eclipse: install, run, update, uninstall. */
class UpdateSiteTest {

    private static final Path ROOT = Path.of(System.getProperty("veridian.root"));
    private static final Path SITE = ROOT.resolve("site/target/repository");
    private static final String FEATURE = "org.veridianos.feature.feature.group";

    @TempDir
    Path temporary;

    @ParameterizedTest
    @ValueSource(strings = {"bare", "oldest"})
    void installsRunsUpdatesAndLeavesNothing(String base) throws Exception {
        Installation eclipse = Installation.copy(product(base), temporary.resolve("eclipse"), director());
        TreeSet<String> filesBefore = eclipse.files();
        List<String> bundlesBefore = eclipse.bundlesInfo();

        eclipse.change(SITE, FEATURE, null);
        assertActive(eclipse, "0.1.0");

        Path next = temporary.resolve("next");
        NextVersion.make(SITE, temporary.resolve("source"));
        eclipse.publish(temporary.resolve("source"), next);
        eclipse.change(next, FEATURE, FEATURE);
        assertActive(eclipse, "0.2.0");

        eclipse.change(null, null, FEATURE);
        eclipse.collectGarbage();
        assertEquals(bundlesBefore, eclipse.bundlesInfo());
        assertEquals(filesBefore, eclipse.files());
    }

    @ParameterizedTest
    @ValueSource(strings = {"content.jar", "artifacts.jar"})
    void theSiteIsARepository(String file) {
        assertTrue(Files.exists(SITE.resolve(file)), file);
    }

    private static void assertActive(Installation eclipse, String version) throws Exception {
        Set<String> installed = eclipse.veridianBundles().entrySet().stream()
                .map(e -> e.getKey() + " " + e.getValue().replaceAll("^(\\d+\\.\\d+\\.\\d+).*", "$1")).collect(Collectors.toCollection(TreeSet::new));
        assertFalse(installed.isEmpty());
        Map<String, String> states = eclipse.startBundles();
        assertEquals(installed, states.keySet());
        states.forEach((bundle, state) -> {
            assertEquals("ACTIVE", state, bundle);
            assertTrue(bundle.endsWith(" " + version), bundle);
        });
    }

    /** One installation's director works on all: the oldest has none of its own. */
    private Path director() throws Exception {
        Path folder = temporary.resolve("director");
        Installation.copy(product("bare"), folder, null);
        return folder;
    }

    private static Path product(String base) {
        return ROOT.resolve("releng/" + base + "/target/products/" + base + "/linux/gtk/x86_64");
    }
}
