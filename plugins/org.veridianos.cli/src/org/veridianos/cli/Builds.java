package org.veridianos.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import org.veridianos.build.BuildListener;
import org.veridianos.build.BuildRequest;
import org.veridianos.build.BuildResult;
import org.veridianos.build.Diagnostic;
import org.veridianos.build.Image;
import org.veridianos.build.KernelBuilder;
import org.veridianos.build.Target;
import org.veridianos.build.ToolchainFinder;
import org.veridianos.build.ToolchainMissingException;

/** Builds for the commands that need a kernel, with diagnostics and progress on standard error. */
final class Builds {

    private Builds() {
    }

    /** Builds and returns the images; a failed build becomes one line after the compiler's own words. */
    static List<Image> build(Context context, List<Target> targets, boolean release, boolean tests) throws Failure, IOException {
        Progress progress = new Progress(context);
        BuildResult result;
        try {
            KernelBuilder builder = new KernelBuilder(new ToolchainFinder(context.environment()).find());
            result = builder.build(new BuildRequest(context.kernel(), targets, release, tests), progress, () -> Thread.currentThread().isInterrupted());
        } catch (ToolchainMissingException missing) {
            throw new Failure(missing.getMessage());
        } finally {
            progress.clear();
        }
        if (!result.isDone()) {
            if (result.errors() == 0) {
                context.err().print(result.output());
            }
            long errors = result.errors();
            throw new Failure("the kernel does not build: " + result.reason() + (errors > 1 ? " (and " + (errors - 1) + " more)" : ""));
        }
        return result.images();
    }

    /** The image that fits, of those a build announced. */
    static Image pick(List<Image> images, Target target, Predicate<Image> which, String what) throws Failure {
        return images.stream().filter(i -> i.target() == target).filter(which).findFirst()
                .orElseThrow(() -> new Failure("the build made no " + what + " for " + target.id()));
    }

    static Target target(Options options) throws Failure {
        try {
            return Target.of(options.value("--arch")
                    .orElseThrow(() -> new Failure(Failure.USAGE, "--arch is missing: one of " + Target.ids())));
        } catch (IllegalArgumentException unknown) {
            throw new Failure(Failure.USAGE, unknown.getMessage());
        }
    }

    /** Shows what happens: one line that overwrites itself on a terminal, silence elsewhere until something is said. */
    private static final class Progress implements BuildListener {
        private final Context context;
        private boolean shown;

        Progress(Context context) {
            this.context = context;
        }

        @Override
        public void progress(String what) {
            if (context.terminal()) {
                context.err().print("\r\033[K" + (what.length() > 78 ? what.substring(0, 78) : what));
                context.err().flush();
                shown = true;
            }
        }

        @Override
        public void diagnostic(Diagnostic diagnostic) {
            clear();
            context.err().print(diagnostic.rendered().endsWith("\n") ? diagnostic.rendered() : diagnostic.rendered() + "\n");
        }

        void clear() {
            if (shown) {
                context.err().print("\r\033[K");
                shown = false;
            }
        }
    }

    /** {@code path} as people like to read it: relative to the checkout where it lies inside. */
    static String shown(Context context, Path path) {
        return path.startsWith(context.home()) ? context.home().relativize(path).toString() : path.toString();
    }
}
