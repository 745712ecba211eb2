package org.veridianos.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.veridianos.machine.KernelTests.End;
import org.veridianos.machine.KernelTests.Result;
import org.veridianos.machine.KernelTests.Status;

/** The runner against scripted boots. */
class KernelTestsTest {

    private record Script(int status, String cause, String... lines) {
    }

    private final Deque<Script> boots = new ArrayDeque<>();
    private final List<List<String>> arguments = new ArrayList<>();

    private List<String> run(Script... scripts) throws Exception {
        boots.addAll(List.of(scripts));
        KernelTests tests = new KernelTests((words, silence, lines) -> {
            arguments.add(words);
            Script script = boots.remove();
            List.of(script.lines).forEach(lines);
            return new End(script.status < 0 ? OptionalInt.empty() : OptionalInt.of(script.status), script.cause);
        }, Duration.ofSeconds(1), new KernelTests.Listener() { });
        List<Result> results = tests.run(List.of("test.seed=5"));
        assertEquals(0, boots.size(), "boots that were expected");
        return results.stream().map(r -> r.status() + " " + r.name() + (r.status() == Status.PASSED ? "" : ": " + r.detail())).toList();
    }

    @Test
    void resultsAreTakenFromTheLines() throws Exception {
        assertEquals(List.of("PASSED mm::a", "FAILED mm::b: 1 is not 2", "IGNORED mm::c: one CPU"),
                run(new Script(1, "", "OpenSBI v1.1", "ktest: 3 tests", "test mm::a ...", "some words", "ok mm::a (12 us)", "test mm::b ...",
                        "FAILED mm::b: 1 is not 2", "test mm::c ...", "ignored mm::c: one CPU", "ktest: 1 passed, 1 failed", "veridian-exit: 1")));
        assertEquals(List.of(List.of("test.seed=5")), arguments);
    }

    @Test
    void afterAPanicTheRestRunsInANewMachine() throws Exception {
        assertEquals(List.of("PASSED a", "FAILED b: panic at src/x.rs", "PASSED c"),
                run(new Script(101, "", "ktest: 3 tests", "test a ...", "ok a (1 us)", "test b ...", "FAILED b: panic at src/x.rs"),
                        new Script(0, "", "ktest: 1 tests", "test c ...", "ok c (1 us)")));
        assertEquals(List.of("test.seed=5", "test.after=b"), arguments.get(1));
    }

    @Test
    void aResetIsTheFailureOfTheTestThatRan() throws Exception {
        assertEquals(List.of("FAILED a: the guest reset", "PASSED b"),
                run(new Script(-1, "the guest reset", "ktest: 2 tests", "test a ..."), new Script(0, "", "ktest: 1 tests", "test b ...", "ok b (1 us)")));
    }

    @Test
    void aDeathBeforeTheFirstTestEndsTheRun() throws Exception {
        assertEquals(List.of("FAILED boot: the guest reset before the first test"), run(new Script(-1, "the guest reset", "garbage")));
    }

    @Test
    void aMachineThatEndsWellWithoutAnyWordIsAFailure() throws Exception {
        assertEquals(List.of("FAILED boot: the machine ended with status 0 before the first test"), run(new Script(0, "")));
    }

    @Test
    void aDeathBetweenTwoTestsEndsTheRun() throws Exception {
        assertEquals(List.of("PASSED a", "FAILED boot: the guest reset between two tests"),
                run(new Script(-1, "the guest reset", "ktest: 2 tests", "test a ...", "ok a (1 us)")));
    }

    @Test
    void aTestThatKillsEveryMachineDoesNotRunForEver() throws Exception {
        Script deadly = new Script(-1, "hang", "ktest: 1 tests", "test a ...");
        assertEquals(List.of("FAILED a: hang", "FAILED a: hang", "FAILED boot: hang between two tests"), run(deadly, deadly));
    }
}
