package org.veridianos.ide.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ReplayTest {

    @Test
    void keepsEverythingUntilItIsFull() {
        Replay replay = new Replay(8);
        add(replay, "one\n");
        add(replay, "two\n");
        assertEquals("one\ntwo\n", text(replay));
    }

    @Test
    void thenKeepsWholeLinesOfTheEnd() {
        Replay replay = new Replay(8);
        add(replay, "one\ntwo\n");
        add(replay, "3\n");
        assertEquals("two\n3\n", text(replay));
        add(replay, "a long line that is more than everything\nend");
        assertEquals("end", text(replay));
    }

    private static void add(Replay replay, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        replay.add(bytes, 0, bytes.length);
    }

    private static String text(Replay replay) {
        return new String(replay.toBytes(), StandardCharsets.US_ASCII);
    }
}
