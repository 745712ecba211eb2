package org.veridianos.ide.launch;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/**
 * Waits for init's ready line, {@code init: ready, N cpus}. The future gives that line, or fails with an {@link
 * IllegalStateException} that says why the machine ended before it.
 */
public final class ReadyLine implements GuestOutput {

    private static final String MARK = "init: ready";
    private static final int LONGEST = 200;

    private final CompletableFuture<String> seen = new CompletableFuture<>();
    private final StringBuilder line = new StringBuilder();

    private ReadyLine() {
    }

    /** Completes when the guest of {@code process} is, or was, ready. */
    public static Future<String> of(MachineProcess process) {
        ReadyLine ready = new ReadyLine();
        process.addListener(ready);
        return ready.seen.whenComplete((text, failure) -> process.removeListener(ready));
    }

    @Override
    public void printed(byte[] bytes, int offset, int count) {
        for (char c : new String(bytes, offset, count, StandardCharsets.ISO_8859_1).toCharArray()) {
            if (c == '\n') {
                if (line.indexOf(MARK) >= 0) {
                    seen.complete(line.substring(line.indexOf(MARK)).strip());
                }
                line.setLength(0);
            } else if (line.length() < LONGEST) {
                line.append(c);
            }
        }
    }

    @Override
    public void ended(String reason) {
        seen.completeExceptionally(new IllegalStateException(reason));
    }
}
