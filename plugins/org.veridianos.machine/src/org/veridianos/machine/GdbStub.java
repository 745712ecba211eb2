package org.veridianos.machine;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads system registers from QEMU's gdb stub, for what the monitor does not tell (GDB manual, appendix E: remote protocol).
 *
 * <p>Whoever connects to the stub stops the machine, so it must stand already; leaving changes nothing, it goes on standing.
 * QEMU serves one debugger: while another is connected there is no answer, which is an error after two seconds.
 */
final class GdbStub implements AutoCloseable {

    private static final Pattern REGISTER = Pattern.compile("<reg name=\"([A-Za-z0-9_]+)\" bitsize=\"64\" regnum=\"(\\d+)\"");
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(2);
    private static final int CHUNK = 0xffb;
    private static final int LARGEST_XML = 1 << 20;

    private final SocketChannel channel;
    private final Selector selector;
    private final ByteBuffer in = ByteBuffer.allocate(1 << 14).limit(0);

    /** Connects to the stub of a machine that stands. */
    GdbStub(Path socket) throws MachineException {
        try {
            selector = Selector.open();
            channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_READ);
        } catch (IOException refused) {
            throw new MachineException("the machine's debug stub does not answer: " + refused.getMessage(), refused);
        }
    }

    /** Numbers of the 64-bit system registers, by their names in lower case. */
    Map<String, Integer> systemRegisters() throws MachineException {
        StringBuilder xml = new StringBuilder();
        String part;
        do {
            part = ask("qXfer:features:read:system-registers.xml:" + Integer.toHexString(xml.length()) + "," + Integer.toHexString(CHUNK));
            xml.append(part, Math.min(1, part.length()), part.length());
        } while (part.startsWith("m") && xml.length() < LARGEST_XML);
        Map<String, Integer> numbers = new HashMap<>();
        Matcher matcher = REGISTER.matcher(xml);
        while (matcher.find()) {
            numbers.put(matcher.group(1).toLowerCase(Locale.ROOT), Integer.parseInt(matcher.group(2)));
        }
        return numbers;
    }

    /** A 64-bit register of a CPU, by QEMU's number of it. */
    OptionalLong read(int cpu, int register) throws MachineException {
        if (!ask("Hg" + Integer.toHexString(cpu + 1)).equals("OK")) {
            return OptionalLong.empty();
        }
        String value = ask("p" + Integer.toHexString(register));
        return value.matches("[0-9a-f]{16}") ? OptionalLong.of(Long.reverseBytes(Long.parseUnsignedLong(value, 16))) : OptionalLong.empty();
    }

    private String ask(String question) throws MachineException {
        try {
            int sum = question.chars().sum() & 0xff;
            send("$" + question + "#" + String.format("%02x", sum));
            long deadline = System.nanoTime() + PATIENCE_NS;
            while (next(deadline) != '$') {
                // Acknowledgements, and the rest of what was not asked for.
            }
            StringBuilder answer = new StringBuilder();
            for (char c = next(deadline); c != '#'; c = next(deadline)) {
                answer.append(c == '}' ? (char) (next(deadline) ^ 0x20) : c);
            }
            next(deadline);
            next(deadline);
            send("+");
            return answer.toString();
        } catch (IOException gone) {
            throw new MachineException("the machine's debug stub does not answer: " + gone.getMessage(), gone);
        }
    }

    private void send(String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private char next(long deadline) throws IOException {
        while (!in.hasRemaining()) {
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (left <= 0 || selector.select(left) == 0) {
                throw new IOException("a debugger is connected to it already");
            }
            selector.selectedKeys().clear();
            in.clear();
            int count = channel.read(in);
            in.flip();
            if (count < 0) {
                throw new IOException("the machine has ended");
            }
        }
        return (char) (in.get() & 0xff);
    }

    /** Leaves; the machine goes on standing. */
    @Override
    public void close() {
        try (selector; channel) {
            in.limit(0);
        } catch (IOException closing) {
            // It is closed either way.
        }
    }
}
