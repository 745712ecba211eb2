package org.veridianos.machine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.veridianos.machine.KernelTests.End;

/** Follows a machine's console line by line to its end, and ends a machine that has gone silent. */
public final class ConsoleLines {

    /** Longer lines are cut into pieces, so that a guest cannot fill the host's memory. */
    private static final int LONGEST = 1 << 16;

    private ConsoleLines() {
    }

    /** Reads until QEMU has ended. */
    public static End follow(Machine machine, Duration silence, Consumer<String> lines) throws MachineException, InterruptedException {
        ExitLine exit = new ExitLine();
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
        boolean[] silent = {false};
        try (ScheduledExecutorService watchdog = Executors.newSingleThreadScheduledExecutor(
                task -> Thread.ofPlatform().daemon().name("silence").unstarted(task))) {
            Runnable bark = () -> {
                silent[0] = true;
                machine.kill();
            };
            ScheduledFuture<?> alarm = watchdog.schedule(bark, silence.toMillis(), TimeUnit.MILLISECONDS);
            while (machine.console().read(buffer) >= 0) {
                alarm.cancel(false);
                alarm = watchdog.schedule(bark, silence.toMillis(), TimeUnit.MILLISECONDS);
                exit.accept(buffer.array(), 0, buffer.position());
                split(buffer, line, lines);
                buffer.clear();
            }
            machine.waitFor(10, TimeUnit.SECONDS);
            watchdog.shutdownNow();
        } catch (IOException broken) {
            throw new MachineException("the machine's console broke off: " + broken.getMessage(), broken);
        }
        if (line.size() > 0) {
            lines.accept(text(line));
        }
        if (exit.status().isPresent()) {
            return new End(exit.status(), "");
        }
        return new End(exit.status(), silent[0] ? "nothing was printed for " + silence.toSeconds() + " s" : machine.causeOfDeath());
    }

    private static void split(ByteBuffer buffer, ByteArrayOutputStream line, Consumer<String> lines) {
        for (int i = 0; i < buffer.position(); i++) {
            byte b = buffer.get(i);
            if (b != '\n') {
                line.write(b);
            }
            if (b == '\n' || line.size() >= LONGEST) {
                lines.accept(text(line));
                line.reset();
            }
        }
    }

    private static String text(ByteArrayOutputStream line) {
        String text = line.toString(StandardCharsets.UTF_8);
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
    }
}
