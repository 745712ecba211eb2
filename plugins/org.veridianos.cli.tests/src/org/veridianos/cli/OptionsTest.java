package org.veridianos.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class OptionsTest {

    private static Options parse(String... words) throws Failure {
        return Options.parse(List.of(words), Set.of("--arch", "--cpus", "--memory", "--kernel-arg"), Set.of("--release"));
    }

    private static String refusal(String... words) {
        Failure failure = assertThrows(Failure.class, () -> {
            Options options = parse(words);
            options.number("--cpus", 1, 16);
            options.size("--memory");
            options.words(1);
        });
        assertEquals(Failure.USAGE, failure.status());
        return failure.getMessage();
    }

    @Test
    void valuesFlagsWordsAndTheRestAreSorted() throws Failure {
        Options options = parse("--arch", "x86_64", "filter", "--cpus=4", "--release", "--kernel-arg", "a=b", "--kernel-arg=c", "--", "exit", "--release", "--");
        assertEquals(Optional.of("x86_64"), options.value("--arch"));
        assertEquals(Optional.of(4L), options.number("--cpus", 1, 16));
        assertEquals(List.of("a=b", "c"), options.all("--kernel-arg"));
        assertTrue(options.has("--release"));
        assertEquals(List.of("filter"), options.words(1));
        assertEquals(List.of("exit", "--release", "--"), options.rest());
    }

    @Test
    void nothingGivenIsNothing() throws Failure {
        Options options = parse();
        assertEquals(Optional.empty(), options.value("--arch"));
        assertEquals(Optional.empty(), options.size("--memory"));
        assertFalse(options.hasRest());
        assertTrue(parse("--").hasRest());
    }

    @Test
    void mistakesAreNamed() {
        assertEquals("unknown option '--bogus'", refusal("--bogus"));
        assertEquals("unknown option '--bogus=1'", refusal("--bogus=1"));
        assertEquals("--arch needs a value", refusal("--arch"));
        assertEquals("--cpus many: a number from 1 to 16 is needed", refusal("--cpus", "many"));
        assertEquals("--cpus 0: a number from 1 to 16 is needed", refusal("--cpus", "0"));
        assertEquals("--memory: '1.5G' is no size: write 64M or 4G", refusal("--memory", "1.5G"));
        assertEquals("unexpected word 'b'", refusal("a", "b"));
    }
}
