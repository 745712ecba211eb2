package org.veridianos.machine;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Registers from QEMU's monitor, which knows them as text ({@code info registers}).
 *
 * <p>The three forms: x86 {@code RAX=0123 … CR3=…} and {@code GDT= base limit}; AArch64 {@code PC=… X00=…} and {@code PSTATE=…};
 * RISC-V {@code pc 0123}, {@code satp 8…} and {@code x10/a0 0123}. AArch64's translation root is not in it: of a machine that
 * stands, and that no debugger holds, it comes from the debug stub.
 */
public final class QmpMachineState implements MachineState {

    private static final Pattern EQUALS = Pattern.compile("\\b([A-Za-z][A-Za-z0-9_]*)\\s*=\\s*([0-9a-fA-F]{8,16})\\b");
    private static final Pattern COLUMNS = Pattern.compile("(?<![=\\w])(?:x\\d+/)?([a-z][a-z0-9_]*)\\s+([0-9a-fA-F]{16})\\b");

    private static final String ROOT = "ttbr0_el1";

    private final Session session;

    /** Asks over the visitors' socket of a running machine, one connection per question. */
    public QmpMachineState(Session session) {
        this.session = session;
    }

    @Override
    public boolean isRunning() throws MachineException {
        try (Qmp qmp = Qmp.connect(session.visitorQmp())) {
            return qmp.execute("query-status").getAsJsonObject().get("running").getAsBoolean();
        }
    }

    @Override
    public List<Cpu> cpus() throws MachineException {
        List<Cpu> cpus = new ArrayList<>();
        boolean running;
        try (Qmp qmp = Qmp.connect(session.visitorQmp())) {
            running = qmp.execute("query-status").getAsJsonObject().get("running").getAsBoolean();
            for (JsonElement element : qmp.execute("query-cpus-fast").getAsJsonArray()) {
                int index = element.getAsJsonObject().get("cpu-index").getAsInt();
                JsonObject arguments = new JsonObject();
                arguments.addProperty("command-line", "info registers");
                arguments.addProperty("cpu-index", index);
                cpus.add(new Cpu(index, parse(qmp.execute("human-monitor-command", arguments).getAsString())));
            }
        }
        return running || session.architecture() != Architecture.AARCH64 || session.gdbHolder().filter(ProcessIdentity::isAlive).isPresent() ? cpus : withRoots(cpus);
    }

    private List<Cpu> withRoots(List<Cpu> cpus) throws MachineException {
        List<Cpu> whole = new ArrayList<>();
        try (GdbStub stub = new GdbStub(session.gdbSocket())) {
            Integer number = stub.systemRegisters().get(ROOT);
            for (Cpu cpu : cpus) {
                Map<String, Long> registers = new TreeMap<>(cpu.registers());
                OptionalLong root = number == null ? OptionalLong.empty() : stub.read(cpu.index(), number);
                root.ifPresent(value -> registers.put(ROOT, value));
                whole.add(new Cpu(cpu.index(), Collections.unmodifiableMap(registers)));
            }
        }
        return whole;
    }

    /** The registers that a text of QEMU names. */
    static Map<String, Long> parse(String text) {
        Map<String, Long> registers = new TreeMap<>();
        for (Pattern pattern : List.of(EQUALS, COLUMNS)) {
            Matcher matcher = pattern.matcher(text);
            while (matcher.find()) {
                String name = matcher.group(1).toLowerCase(Locale.ROOT).replaceFirst("^x0(\\d)$", "x$1");
                registers.putIfAbsent(name, Long.parseUnsignedLong(matcher.group(2), 16));
            }
        }
        return Collections.unmodifiableMap(registers);
    }
}
