package org.veridianos.cli;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import org.veridianos.build.Image;
import org.veridianos.build.Target;

/** {@code ./veridian build}. */
final class BuildCommand implements Command {

    @Override
    public String name() {
        return "build";
    }

    @Override
    public String help() {
        return """
                Usage: ./veridian build [--arch x86_64|aarch64|riscv64|all] [--release] [--tests]

                Cross-builds the kernel, its user programs and the initial RAM disk.

                  --arch A    the architecture, or 'all' (which is what happens without it)
                  --release   the shipped configuration: optimised, without debug assertions
                  --tests     the test kernels too
                """;
    }

    @Override
    public int run(Context context, List<String> args) throws Failure, IOException {
        Options options = Options.parse(args, Set.of("--arch"), Set.of("--release", "--tests"));
        options.words(0);
        boolean all = options.value("--arch").orElse("all").equals("all");
        List<Target> targets = all ? List.of(Target.values()) : List.of(Builds.target(options));
        for (Image image : Builds.build(context, targets, options.has("--release"), options.has("--tests"))) {
            context.out().println(image.target().id() + " " + image.test().map(t -> "test " + t + " ").orElse("") + Builds.shown(context, image.elf()));
        }
        return 0;
    }
}
