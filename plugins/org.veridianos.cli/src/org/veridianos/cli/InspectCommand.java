package org.veridianos.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.InspectException;
import org.veridianos.inspect.LiveSource;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.json.SnapshotJson;
import org.veridianos.inspect.sample.Scale;
import org.veridianos.machine.MachineException;

/** {@code ./veridian inspect}: the kernel's objects of a running machine, which does not notice. */
final class InspectCommand implements Command {

    private static final String WHAT = "caps, pages, runqueues, threads, frames, endpoints, objects";

    private static final Set<String> VALUED = new TreeSet<>(Machines.VALUED);

    static {
        VALUED.addAll(List.of("--interval", "--process", "--depth", "--root", "--rounds", "--times"));
    }

    @Override
    public String name() {
        return "inspect";
    }

    @Override
    public String help() {
        return """
                Usage: ./veridian inspect SESSION WHAT [--json] [--watch]
                       ./veridian inspect --scale
                       ./veridian inspect --cost --arch x86_64|aarch64|riscv64

                Shows kernel objects of a running machine, of the command line or of the IDE. The machine does not stop
                and does not notice; any number of visitors may look at once. WHAT is one of
                  caps       capability spaces: token, object, rights, badge, what it was derived from
                  pages      page tables as ranges, and what the kernel planned
                  runqueues  CPUs: who runs, who is ready, load, counters
                  threads    processes and threads, and what each waits for
                  frames     physical memory: zones, slab caches, reserved ranges
                  endpoints  endpoints, channels, notifications and who waits there
                  objects    every root that the kernel describes, as a tree

                  --json            by the schema in docs/inspect.md
                  --watch           again and again, until the machine or you end it; with --json one line each
                  --interval MS     time between two, 33 to 60000 milliseconds (1000)
                  --process PID     only what belongs to this process (caps, pages, threads)
                  --depth N         levels of the tree, 0 to 16 (1) (objects)
                  --root NAME       only this root (objects)
                  --scale           how long snapshots of a very large kernel take: 4,096 processes, 16,384 threads,
                                    500,000 capabilities, 1 GiB in pages of 4 KiB
                  --cost            what looking on costs the guest: boots it to do a fixed work, with every view's
                                    snapshots at 30 Hz and without, and compares instructions and time
                  --rounds N        how much work that is (2000)
                  --times N         how often time is measured (5)
                """;
    }

    @Override
    public int run(Context context, List<String> args) throws Failure, MachineException, IOException, InterruptedException {
        Options options = Options.parse(args, VALUED, Set.of("--json", "--watch", "--scale", "--cost"));
        List<String> words = options.words(2);
        if (options.has("--scale")) {
            return scale(context.out());
        }
        if (options.has("--cost")) {
            return InspectCost.measure(context, options);
        }
        if (words.isEmpty()) {
            throw new Failure(Failure.USAGE, "which machine? './veridian sessions' lists those that run");
        }
        if (words.size() < 2) {
            throw new Failure(Failure.USAGE, "what of " + words.get(0) + "? one of " + WHAT);
        }
        String what = words.get(1);
        Request request = request(what).withDepth(options.number("--depth", 0, 16).orElse(1L).intValue());
        long interval = options.number("--interval", 33, 60_000).orElse(1000L);
        InspectText text = new InspectText(context.out(), options.number("--process", 0, Integer.MAX_VALUE).map(Long::intValue).orElse(-1),
                options.value("--root").orElse(""));
        try (LiveSource source = LiveSource.open(context.sessions().get(words.get(0)))) {
            if (!options.has("--watch")) {
                show(context.out(), source.take(request, Cancel.NEVER), what, options.has("--json"), text, false);
                return 0;
            }
            while (source.status().alive()) {
                long start = System.nanoTime();
                Snapshot snapshot = source.take(request, Cancel.NEVER);
                if (context.terminal() && !options.has("--json")) {
                    context.out().print("\u001b[H\u001b[2J");
                }
                show(context.out(), snapshot, what, options.has("--json"), text, true);
                if (context.out().checkError()) {
                    return 0;
                }
                Thread.sleep(Math.max(0, interval - (System.nanoTime() - start) / 1_000_000));
            }
            context.err().println("veridian: " + source.status().reason());
            return 0;
        } catch (InspectException failed) {
            throw new Failure(failed.getMessage());
        }
    }

    /** Memory that was made up: no machine runs. */
    private static int scale(PrintStream out) throws Failure, IOException {
        try {
            out.printf("%-22s %10s %10s  %s%n", "SNAPSHOT OF", "MS", "CPU MS", "WITH");
            for (Scale.Row row : Scale.measure(Scale.LARGE, 9)) {
                out.printf("%-22s %10.1f %10.1f  %s%n", row.what(), row.milliseconds(), row.processor(), row.count());
            }
            return 0;
        } catch (InspectException failed) {
            throw new Failure(failed.getMessage());
        }
    }

    private static Request request(String what) throws Failure {
        return switch (what) {
            case "caps" -> Request.of(Part.CAPABILITIES);
            // Frames tell whether a page leads where it must not.
            case "pages" -> Request.of(Part.PAGE_TABLES, Part.FRAMES);
            case "runqueues" -> Request.of(Part.RUN_QUEUES);
            // Capabilities tell who could take a message that nobody has taken.
            case "threads" -> Request.of(Part.THREADS, Part.CAPABILITIES);
            case "frames" -> Request.of(Part.MEMORY);
            case "endpoints" -> Request.of(Part.ENDPOINTS);
            case "objects" -> Request.of(Part.OBJECTS);
            default -> throw new Failure(Failure.USAGE, "'" + what + "' cannot be inspected: use one of " + WHAT);
        };
    }

    private static void show(PrintStream out, Snapshot snapshot, String what, boolean json, InspectText text, boolean watch) {
        if (json) {
            Gson gson = watch ? new GsonBuilder().disableHtmlEscaping().create() : new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();
            JsonObject shown = SnapshotJson.of(snapshot);
            if (what.equals("threads")) {
                shown.remove("spaces");
            }
            out.println(gson.toJson(shown));
        } else {
            text.print(snapshot, what);
        }
        out.flush();
    }
}
