package org.veridianos.cli;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.veridianos.build.Image;
import org.veridianos.build.Target;
import org.veridianos.machine.ConsoleLines;
import org.veridianos.machine.KernelSymbols;
import org.veridianos.machine.KernelTests;
import org.veridianos.machine.KernelTests.Result;
import org.veridianos.machine.KernelTests.Status;
import org.veridianos.machine.Machine;
import org.veridianos.machine.MachineConfig;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profile;

/** {@code ./veridian ktest}: the kernel's tests in QEMU. */
final class KtestCommand implements Command {

    @Override
    public String name() {
        return "ktest";
    }

    @Override
    public String help() {
        return """
                Usage: ./veridian ktest --arch x86_64|aarch64|riscv64 [options] [FILTER]

                Builds the kernel's tests and runs them in QEMU. A test that panics, resets or hangs the machine has failed;
                the machine is booted again for the rest. Ends with a line 'N passed, N failed'. FILTER is a part of the
                tests' names.

                """ + Machines.HELP + """
                  --release         the shipped configuration
                  --test PROGRAM    only this file of kernel/tests/ (repeatable)
                  --list            name the tests instead of running them
                  --repeat N        run each test N times
                  --seed N          for tests that use random numbers
                  --timeout SECONDS a test that prints nothing for so long hangs (60)
                  --verbose         everything the guest prints
                """;
    }

    @Override
    public int run(Context context, List<String> args) throws Failure, MachineException, IOException, InterruptedException {
        Set<String> valued = new TreeSet<>(Machines.VALUED);
        valued.addAll(Set.of("--test", "--repeat", "--seed", "--timeout"));
        Options options = Options.parse(args, valued, Set.of("--release", "--list", "--verbose"));
        Target target = Builds.target(options);
        Profile profile = Machines.profile(context, options, target);
        Duration silence = Duration.ofSeconds(options.number("--timeout", 1, 100_000).orElse(60L));
        List<String> kernelArgs = new ArrayList<>();
        options.words(1).forEach(filter -> kernelArgs.add("test.filter=" + filter));
        options.number("--repeat", 1, 1_000_000_000).ifPresent(n -> kernelArgs.add("test.repeat=" + n));
        options.number("--seed", 0, Long.MAX_VALUE).ifPresent(n -> kernelArgs.add("test.seed=" + n));

        List<Image> programs = programs(Builds.build(context, List.of(target), options.has("--release"), true), options);
        if (options.has("--list")) {
            return list(context, options, profile, programs, kernelArgs);
        }
        int passed = 0;
        int failed = 0;
        for (Image program : programs) {
            MachineConfig config = Machines.config(options, profile, program, List.of());
            context.out().println("# " + program.test().orElseThrow() + " on " + profile.id() + ", " + config.cpus() + " CPUs");
            List<Result> results = new KernelTests((words, limit, lines) -> boot(context, config, words, limit, lines), silence,
                    new Report(context, options.has("--verbose"), program.initrd().flatMap(KernelSymbols::ofInitrd))).run(kernelArgs);
            passed += (int) results.stream().filter(r -> r.status() == Status.PASSED).count();
            failed += (int) results.stream().filter(r -> r.status() == Status.FAILED).count();
        }
        context.out().println(passed + " passed, " + failed + " failed");
        return failed == 0 ? 0 : 1;
    }

    /** The test kernels the options choose. Benchmarks have a command of their own. */
    private static List<Image> programs(List<Image> images, Options options) throws Failure {
        List<String> wanted = options.all("--test");
        List<Image> programs = images.stream().filter(i -> i.test().isPresent())
                .filter(i -> wanted.isEmpty() ? !i.test().get().equals(BenchCommand.PROGRAM) : wanted.contains(i.test().get())).toList();
        if (programs.isEmpty()) {
            throw new Failure("the build made no test kernel" + (wanted.isEmpty() ? "" : " called " + String.join(" or ", wanted)));
        }
        return programs;
    }

    private static int list(Context context, Options options, Profile profile, List<Image> programs, List<String> kernelArgs)
            throws Failure, MachineException, InterruptedException {
        List<String> words = new ArrayList<>(kernelArgs);
        words.add("test.list");
        for (Image program : programs) {
            List<String> lines = new ArrayList<>();
            KernelTests.End end = boot(context, Machines.config(options, profile, program, List.of()), words, Duration.ofSeconds(60), lines::add);
            if (end.status().orElse(-1) != 0) {
                throw new Failure("the test kernel " + program.test().orElseThrow() + " does not list its tests: " + end.cause());
            }
            lines.stream().filter(l -> l.matches("[a-z0-9_]+(::[A-Za-z0-9_]+)+")).forEach(l -> context.out().println(program.test().orElseThrow() + " " + l));
        }
        return 0;
    }

    static KernelTests.End boot(Context context, MachineConfig config, List<String> words, Duration silence, Consumer<String> lines)
            throws MachineException, InterruptedException {
        MachineConfig started = config.withKernelArgs((config.kernelArgs() + " " + String.join(" ", words)).strip());
        try (Machine machine = Machines.start(context, started, false)) {
            return ConsoleLines.follow(machine, silence, lines);
        }
    }

    /** Prints each result; after a failure also what the guest said since the test began, once. */
    private static final class Report implements KernelTests.Listener {
        private static final int TAIL = 80;

        private final Context context;
        private final boolean verbose;
        private final Optional<KernelSymbols> symbols;
        private final List<String> said = new ArrayList<>();

        Report(Context context, boolean verbose, Optional<KernelSymbols> symbols) {
            this.context = context;
            this.verbose = verbose;
            this.symbols = symbols;
        }

        @Override
        public void line(String printed) {
            String line = symbols.flatMap(s -> s.named(printed)).orElse(printed);
            if (verbose) {
                context.out().println("  | " + line);
                context.out().flush();
            } else if (said.size() < TAIL) {
                said.add(line);
            }
        }

        @Override
        public void begin(String name) {
            said.clear();
        }

        @Override
        public void end(Result result) {
            String detail = result.status() == Status.PASSED ? " (" + result.duration().toNanos() / 1000 + " us)" : ": " + result.detail();
            String word = switch (result.status()) {
                case PASSED -> "ok ";
                case FAILED -> "FAILED ";
                case IGNORED -> "ignored ";
            };
            if (result.status() == Status.FAILED) {
                said.forEach(line -> context.out().println("  | " + line));
            }
            context.out().println(word + result.name() + detail);
            context.out().flush();
            said.clear();
        }
    }
}
