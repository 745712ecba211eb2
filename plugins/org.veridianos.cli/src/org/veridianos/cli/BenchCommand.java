package org.veridianos.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.veridianos.build.Image;
import org.veridianos.build.Target;
import org.veridianos.machine.KernelTests;
import org.veridianos.machine.MachineConfig;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profile;

/** {@code ./veridian bench}: the kernel's benchmarks, in executed instructions. */
final class BenchCommand implements Command {

    /** The file of kernel/tests/ that holds them. */
    static final String PROGRAM = "performance_benchmarks";

    private static final String MARK = "bench: ";

    @Override
    public String name() {
        return "bench";
    }

    @Override
    public String help() {
        return """
                Usage: ./veridian bench --arch x86_64|aarch64|riscv64 [--json] [options] [FILTER]

                Runs the kernel's benchmarks under deterministic instruction counting, on one CPU and in the shipped
                configuration unless told otherwise. One row per operation.

                """ + Machines.HELP + """
                  --json            the rows as a JSON array
                  --dev             the checked configuration instead of the shipped one
                """;
    }

    @Override
    public int run(Context context, List<String> args) throws Failure, MachineException, IOException, InterruptedException {
        Set<String> valued = new TreeSet<>(Machines.VALUED);
        Options options = Options.parse(args, valued, Set.of("--json", "--dev"));
        Target target = Builds.target(options);
        Profile profile = Machines.profile(context, options, target);
        List<Image> images = Builds.build(context, List.of(target), !options.has("--dev"), true);
        Image image = Builds.pick(images, target, i -> i.test().filter(PROGRAM::equals).isPresent(), "benchmark kernel");
        MachineConfig config = Machines.config(options, profile, image, List.of()).withCounting(true);
        if (options.value("--cpus").isEmpty()) {
            config = config.withCpus(1);
        }
        List<String> words = options.words(1).stream().map(f -> "test.filter=" + f).toList();
        List<String> lines = new ArrayList<>();
        KernelTests.End end = KtestCommand.boot(context, config, words, Duration.ofSeconds(300), lines::add);
        JsonArray rows = rows(lines);
        print(context, options, rows);
        if (end.status().orElse(-1) != 0) {
            lines.stream().skip(Math.max(0, lines.size() - 40)).forEach(l -> context.err().println("  | " + l));
            throw new Failure("the benchmarks did not finish: " + (end.status().isPresent() ? "status " + end.status().getAsInt() : end.cause()));
        }
        if (rows.isEmpty()) {
            throw new Failure("no benchmark fits");
        }
        return 0;
    }

    private static JsonArray rows(List<String> lines) throws Failure {
        JsonArray rows = new JsonArray();
        for (String line : lines) {
            if (line.startsWith(MARK)) {
                try {
                    rows.add(JsonParser.parseString(line.substring(MARK.length())).getAsJsonObject());
                } catch (JsonParseException | IllegalStateException malformed) {
                    throw new Failure("the guest printed a benchmark row that is no JSON: " + line);
                }
            }
        }
        return rows;
    }

    private static void print(Context context, Options options, JsonArray rows) {
        if (options.has("--json")) {
            context.out().println(rows);
            return;
        }
        for (JsonElement element : rows) {
            JsonObject row = element.getAsJsonObject();
            StringBuilder rest = new StringBuilder();
            row.entrySet().stream().filter(e -> !e.getKey().equals("op") && !e.getKey().equals("instructions"))
                    .forEach(e -> rest.append("  ").append(e.getKey()).append(' ').append(e.getValue().getAsString()));
            context.out().printf("%-36s %12s instructions%s%n", row.get("op").getAsString(),
                    row.has("instructions") ? row.get("instructions").getAsString() : "-", rest);
        }
    }
}
