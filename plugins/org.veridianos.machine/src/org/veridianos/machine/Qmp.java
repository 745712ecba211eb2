package org.veridianos.machine;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * QEMU's monitor: JSON lines over a unix socket.
 *
 * <p>A daemon thread reads; answers are matched by id, so several threads may ask at once. QEMU serves one connection per
 * socket at a time: a second visitor's greeting comes when the first has left.
 */
public final class Qmp implements AutoCloseable {

    private static final long TIMEOUT_SECONDS = 10;

    private final SocketChannel channel;
    private final Map<Long, CompletableFuture<JsonElement>> waiting = new ConcurrentHashMap<>();
    private final CompletableFuture<Void> greeting = new CompletableFuture<>();
    private final AtomicLong next = new AtomicLong();
    private volatile boolean closed;

    private Qmp(SocketChannel channel) {
        this.channel = channel;
        BufferedReader reader = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
        Thread.ofPlatform().daemon().name("qmp").start(() -> read(reader));
    }

    /** Connects to a machine's monitor socket. */
    public static Qmp connect(Path socket) throws MachineException {
        Qmp qmp;
        try {
            qmp = new Qmp(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
        } catch (IOException refused) {
            throw new MachineException("the machine's monitor does not answer: " + refused.getMessage(), refused);
        }
        try {
            qmp.await(qmp.greeting, "its greeting");
            qmp.execute("qmp_capabilities", new JsonObject());
            return qmp;
        } catch (MachineException failed) {
            qmp.close();
            throw failed;
        }
    }

    /** Runs a command without arguments. */
    public JsonElement execute(String command) throws MachineException {
        return execute(command, new JsonObject());
    }

    /**
     * Runs a command and waits for its answer.
     *
     * @throws MachineException with QEMU's own words when it refuses
     */
    public JsonElement execute(String command, JsonObject arguments) throws MachineException {
        long id = next.incrementAndGet();
        JsonObject request = new JsonObject();
        request.addProperty("execute", command);
        request.add("arguments", arguments);
        request.addProperty("id", id);
        CompletableFuture<JsonElement> answer = new CompletableFuture<>();
        waiting.put(id, answer);
        try {
            synchronized (channel) {
                ByteBuffer bytes = ByteBuffer.wrap((request + "\n").getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
            }
            if (closed) {
                throw new MachineException("the machine has ended");
            }
            return await(answer, command);
        } catch (IOException gone) {
            throw new MachineException("the machine has ended", gone);
        } finally {
            waiting.remove(id);
        }
    }

    /** Runs a line of the human monitor and returns its text. */
    public String monitor(String line) throws MachineException {
        JsonObject arguments = new JsonObject();
        arguments.addProperty("command-line", line);
        return execute("human-monitor-command", arguments).getAsString();
    }

    private <T> T await(CompletableFuture<T> future, String what) throws MachineException {
        try {
            return future.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException late) {
            throw new MachineException("the machine's monitor is busy: no answer to " + what + " within " + TIMEOUT_SECONDS + " s", late);
        } catch (ExecutionException refused) {
            throw new MachineException(refused.getCause().getMessage(), refused.getCause());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new MachineException("interrupted", interrupted);
        }
    }

    private void read(BufferedReader reader) {
        try (reader) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                dispatch(JsonParser.parseString(line).getAsJsonObject());
            }
        } catch (IOException | JsonParseException | IllegalStateException ended) {
            // The end of the stream, however it comes: everybody who waits hears it below.
        } finally {
            closed = true;
            MachineException end = new MachineException("the machine has ended");
            greeting.completeExceptionally(end);
            waiting.values().forEach(f -> f.completeExceptionally(end));
        }
    }

    private void dispatch(JsonObject message) {
        if (message.has("QMP")) {
            greeting.complete(null);
        } else if (message.has("id")) {
            CompletableFuture<JsonElement> answer = waiting.remove(message.get("id").getAsLong());
            if (answer != null && message.has("error")) {
                answer.completeExceptionally(new MachineException("QEMU: " + message.getAsJsonObject("error").get("desc").getAsString()));
            } else if (answer != null) {
                answer.complete(message.get("return"));
            }
        }
    }

    /** Disconnects; the machine goes on. */
    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException closing) {
            // It is closed either way.
        }
    }

}
