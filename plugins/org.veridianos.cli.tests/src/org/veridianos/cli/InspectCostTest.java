package org.veridianos.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** All views at 30 Hz cost the guest not one instruction. Time is printed, not judged: a test has no core for itself. */
@Tag("boot")
class InspectCostTest {

    @TempDir
    Path folder;

    @TestFactory
    Stream<DynamicTest> aGuestExecutesTheSameWhoeverLooksOn() {
        return Stream.of("x86_64", "aarch64", "riscv64").map(arch -> DynamicTest.dynamicTest(arch, () -> {
            Veridian.Result result = Veridian.run(Map.of("VERIDIAN_RUNTIME_DIR", folder.resolve("run").toString()), "inspect", "--cost", "--arch", arch, "--rounds", "100",
                    "--times", "1");
            assertEquals(0, result.status(), result.text());
            assertTrue(result.out().contains(" equal"), result.text());
            System.out.print(result.out());
        }));
    }
}
