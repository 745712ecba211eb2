package org.veridianos.build;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.veridianos.build.BuildResult.Outcome;

/**
 * Runs {@code cargo xtask build} for one architecture after the other.
 *
 * <p>Two threads read cargo's two streams into one queue; the calling thread empties it, tells the listener, and asks
 * every 50 ms whether the user cancelled. Cancelling ends the whole process tree.
 */
public final class KernelBuilder {

    private static final int OUTPUT_LIMIT = 256 * 1024;

    private final Toolchain toolchain;
    private final Map<String, String> extraEnvironment;

    /** A builder that uses {@code toolchain} in the environment of this process. */
    public KernelBuilder(Toolchain toolchain) {
        this(toolchain, Map.of());
    }

    /** @param extraEnvironment variables that cargo gets on top of this process's */
    public KernelBuilder(Toolchain toolchain, Map<String, String> extraEnvironment) {
        this.toolchain = toolchain;
        this.extraEnvironment = Map.copyOf(extraEnvironment);
    }

    /**
     * Builds, and returns when cargo has ended.
     *
     * @param cancelled asked often; true ends the build within a second
     * @throws IOException when cargo cannot be started
     */
    public BuildResult build(BuildRequest request, BuildListener listener, BooleanSupplier cancelled) throws IOException {
        if (!Files.isRegularFile(request.kernel().resolve("Cargo.toml"))) {
            throw new IOException("no kernel sources in " + request.kernel() + ": Cargo.toml is missing");
        }
        Collector collector = new Collector(listener);
        Outcome outcome = Outcome.DONE;
        for (Target target : request.targets()) {
            outcome = buildOne(request, target, collector, cancelled);
            if (outcome != Outcome.DONE) {
                break;
            }
        }
        return new BuildResult(outcome, collector.images, collector.diagnostics, collector.output.toString());
    }

    private Outcome buildOne(BuildRequest request, Target target, Collector collector, BooleanSupplier cancelled) throws IOException {
        List<String> command = new ArrayList<>(List.of(toolchain.cargo().toString(), "xtask", "build", "--arch", target.id(),
                "--profile", request.profile(), "--message-format", "json"));
        if (request.tests()) {
            command.add("--tests");
        }
        ProcessBuilder builder = new ProcessBuilder(command).directory(request.kernel().toFile());
        toolchain.apply(builder.environment());
        builder.environment().putAll(extraEnvironment);
        ProcessTree tree = ProcessTree.start(builder);
        tree.process().getOutputStream().close();
        CargoMessages messages = new CargoMessages(request.kernel().toAbsolutePath().normalize(), target, collector);
        Thread cleanup = new Thread(tree::kill, "end cargo");
        Runtime.getRuntime().addShutdownHook(cleanup);
        try {
            pump(tree, messages, collector, cancelled);
            return tree.process().waitFor() == 0 ? Outcome.DONE : Outcome.FAILED;
        } catch (CancellationException stop) {
            return Outcome.CANCELLED;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return Outcome.CANCELLED;
        } finally {
            if (tree.process().isAlive()) {
                tree.kill();
            }
            removeHook(cleanup);
        }
    }

    private static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            // The hook runs already.
        }
    }

    private record Line(boolean error, String text) {
        private static final Line END = new Line(true, null);
    }

    private static void pump(ProcessTree tree, CargoMessages messages, Collector collector, BooleanSupplier cancelled)
            throws InterruptedException {
        LinkedBlockingQueue<Line> lines = new LinkedBlockingQueue<>(4096);
        read(tree.process().inputReader(StandardCharsets.UTF_8), false, lines);
        read(tree.process().errorReader(StandardCharsets.UTF_8), true, lines);
        for (int open = 2; open > 0;) {
            if (cancelled.getAsBoolean()) {
                throw new CancellationException();
            }
            Line line = lines.poll(50, TimeUnit.MILLISECONDS);
            if (line == Line.END) {
                open--;
            } else if (line != null && line.error) {
                collector.errorLine(line.text);
            } else if (line != null) {
                messages.accept(line.text);
            }
        }
    }

    private static void read(BufferedReader stream, boolean error, LinkedBlockingQueue<Line> into) {
        Thread.ofPlatform().daemon().name("cargo output").start(() -> {
            try (stream) {
                for (String line = stream.readLine(); line != null; line = stream.readLine()) {
                    into.put(new Line(error, line));
                }
            } catch (IOException closed) {
                // The process was ended; what it said so far is in the queue.
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            } finally {
                end(into);
            }
        });
    }

    private static void end(LinkedBlockingQueue<Line> lines) {
        try {
            lines.put(Line.END);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Keeps what the result holds and passes everything on. */
    private static final class Collector implements BuildListener {
        private final BuildListener next;
        private final List<Diagnostic> diagnostics = new ArrayList<>();
        private final List<Image> images = new ArrayList<>();
        private final StringBuilder output = new StringBuilder();

        Collector(BuildListener next) {
            this.next = next;
        }

        void errorLine(String line) {
            if (output.length() < OUTPUT_LIMIT) {
                output.append(line).append('\n');
            }
            String word = line.strip();
            if (word.startsWith("Compiling ") || word.startsWith("Checking ") || word.startsWith("Blocking ") || word.startsWith("Downloading ")) {
                next.progress(word);
            }
        }

        @Override
        public void progress(String what) {
            next.progress(what);
        }

        @Override
        public void diagnostic(Diagnostic diagnostic) {
            diagnostics.add(diagnostic);
            next.diagnostic(diagnostic);
        }

        @Override
        public void image(Image image) {
            images.add(image);
            next.image(image);
        }
    }
}
