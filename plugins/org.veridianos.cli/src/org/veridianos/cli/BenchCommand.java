package org.veridianos.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.veridianos.build.Image;
import org.veridianos.build.Target;
import org.veridianos.build.ToolchainFinder;
import org.veridianos.build.ToolchainMissingException;
import org.veridianos.machine.KernelTests;
import org.veridianos.machine.MachineConfig;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profile;

/** {@code ./veridian bench}: the kernel's benchmarks, in executed instructions. */
final class BenchCommand implements Command {

    /** The file of kernel/tests/ that holds them. */
    static final String PROGRAM = "performance_benchmarks";

    private static final String MARK = "bench: ";
    private static final String SEVERAL_CPUS = "call_reply_0_smp4";
    private static final int CPUS = 4;
    /** A count may grow by so many percent over the baseline: by the same compiler, and by another. */
    private static final int GROWTH = 2;
    private static final int GROWTH_OTHER_COMPILER = 10;

    private static final Gson GSON = new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

    @Override
    public String name() {
        return "bench";
    }

    @Override
    public String help() {
        return """
                Usage: ./veridian bench --arch x86_64|aarch64|riscv64 [--json | --check | --update] [options] [FILTER]

                Runs the kernel's benchmarks under deterministic instruction counting, in the shipped configuration, on
                one CPU unless told otherwise, and those of several CPUs on four of which three are halted. Without
                another option a table: what seL4 or Linux take, the gate, and whether it is met.

                """ + Machines.HELP + """
                  --json            one JSON object: arch, qemu, build, rows
                  --check           compares with kernel/tests/baseline/ARCH.json: a count may grow by 2 %, or by
                                    10 % if another compiler made the kernel
                  --update          writes that file
                  --dev             the checked configuration instead of the shipped one
                """;
    }

    @Override
    public int run(Context context, List<String> args) throws Failure, MachineException, IOException, InterruptedException {
        Set<String> valued = new TreeSet<>(Machines.VALUED);
        Options options = Options.parse(args, valued, Set.of("--json", "--dev", "--check", "--update"));
        Target target = Builds.target(options);
        Profile profile = Machines.profile(context, options, target);
        List<Image> images = Builds.build(context, List.of(target), !options.has("--dev"), true);
        Image image = Builds.pick(images, target, i -> i.test().filter(PROGRAM::equals).isPresent(), "benchmark kernel");
        MachineConfig config = Machines.config(options, profile, image, List.of()).withCounting(true);
        String filter = String.join("", options.words(1));
        JsonArray rows = new JsonArray();
        if (options.value("--cpus").isPresent()) {
            measure(context, config, filter, rows);
        } else {
            if (!filter.equals(SEVERAL_CPUS)) {
                measure(context, config.withCpus(1), filter, rows);
            }
            // QEMU before 8.1 gives the second hart no time while it counts.
            if (SEVERAL_CPUS.contains(filter) && !target.id().equals("riscv64")) {
                measure(context, config.withCpus(CPUS), filter, rows);
            }
        }
        rows = fitting(rows, filter);
        if (rows.isEmpty()) {
            throw new Failure("no benchmark fits");
        }
        JsonObject report = new JsonObject();
        report.addProperty("arch", target.id());
        report.addProperty("qemu", DoctorCommand.version(Path.of(profile.qemu())).orElse("unknown"));
        report.addProperty("build", image.buildId());
        report.addProperty("compiler", compiler(context));
        report.add("rows", rows);
        Path baseline = context.kernel().resolve("tests/baseline/" + target.id() + ".json");
        if (options.has("--json")) {
            context.out().println(GSON.toJson(report));
        } else if (options.has("--update")) {
            Files.createDirectories(baseline.getParent());
            report.remove("build");
            Files.writeString(baseline, GSON.toJson(report) + "\n");
            context.out().println("wrote " + baseline);
        } else if (options.has("--check")) {
            return check(context, report, baseline);
        } else {
            print(context, target.id(), rows);
        }
        return 0;
    }

    private static void measure(Context context, MachineConfig config, String filter, JsonArray rows)
            throws Failure, MachineException, InterruptedException {
        List<String> lines = new ArrayList<>();
        List<String> words = filter.isEmpty() ? List.of() : List.of("test.filter=" + filter);
        KernelTests.End end = KtestCommand.boot(context, config, words, Duration.ofSeconds(300), lines::add);
        if (end.status().orElse(-1) != 0) {
            lines.stream().skip(Math.max(0, lines.size() - 40)).forEach(l -> context.err().println("  | " + l));
            throw new Failure("the benchmarks did not finish: " + (end.status().isPresent() ? "status " + end.status().getAsInt() : end.cause()));
        }
        for (String line : lines) {
            if (line.startsWith(MARK)) {
                try {
                    rows.add(JsonParser.parseString(line.substring(MARK.length())).getAsJsonObject());
                } catch (JsonParseException | IllegalStateException malformed) {
                    throw new Failure("the guest printed a benchmark row that is no JSON: " + line);
                }
            }
        }
    }

    /** The user program prints all of its rows. */
    private static JsonArray fitting(JsonArray rows, String filter) {
        JsonArray fitting = new JsonArray();
        rows.asList().stream().filter(row -> op(row).contains(filter)).forEach(fitting::add);
        return fitting;
    }

    private static String op(JsonElement row) {
        return row.getAsJsonObject().get("op").getAsString();
    }

    private static long instructions(JsonElement row) {
        return row.getAsJsonObject().get("instructions").getAsLong();
    }

    private static String compiler(Context context) throws Failure {
        try {
            Path rustc = new ToolchainFinder(context.environment()).find().bin().resolve("rustc");
            return DoctorCommand.version(rustc).orElse("unknown");
        } catch (ToolchainMissingException missing) {
            throw new Failure(missing.getMessage());
        }
    }

    private static void print(Context context, String arch, JsonArray rows) {
        context.out().printf("%-30s %12s %7s  %-18s %7s%n", "operation", "instructions", "stddev", "peer", "gate");
        for (JsonElement row : rows) {
            Optional<Peers> peer = Peers.of(op(row));
            String gate = peer.map(p -> "%7d  %s".formatted(p.gate(arch), instructions(row) <= p.gate(arch) ? "met" : "missed")).orElse("");
            context.out().printf("%-30s %12d %7s  %-18s %s%n", op(row), instructions(row), row.getAsJsonObject().get("stddev").getAsString(),
                    peer.map(p -> p.peer(arch)).orElse(""), gate);
        }
    }

    private static int check(Context context, JsonObject report, Path file) throws Failure, IOException {
        JsonObject baseline;
        try {
            baseline = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
        } catch (NoSuchFileException | JsonParseException | IllegalStateException unusable) {
            throw new Failure(file + " is not a baseline; --update writes one");
        }
        boolean same = baseline.get("compiler").equals(report.get("compiler"));
        if (!same) {
            context.out().println("note: the baseline was counted with " + baseline.get("compiler").getAsString() + ", this kernel is of "
                    + report.get("compiler").getAsString());
        }
        int growth = same ? GROWTH : GROWTH_OTHER_COMPILER;
        Map<String, Long> counts = new HashMap<>();
        report.getAsJsonArray("rows").forEach(row -> counts.put(op(row), instructions(row)));
        int failed = 0;
        for (JsonElement row : baseline.getAsJsonArray("rows")) {
            Long now = counts.get(op(row));
            long before = instructions(row);
            boolean good = now != null && now * 100 <= before * (100 + growth);
            failed += good ? 0 : 1;
            context.out().printf("%s %s: %s, baseline %d%n", good ? "ok" : "FAILED", op(row), now == null ? "not measured" : now, before);
        }
        context.out().println(baseline.getAsJsonArray("rows").size() - failed + " passed, " + failed + " failed");
        return failed == 0 ? 0 : 1;
    }
}
