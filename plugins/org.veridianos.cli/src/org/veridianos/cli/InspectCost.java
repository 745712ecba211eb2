package org.veridianos.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.veridianos.build.Image;
import org.veridianos.build.Target;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.InspectException;
import org.veridianos.inspect.LiveSource;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.machine.Machine;
import org.veridianos.machine.MachineConfig;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profile;

/**
 * What looking on costs the guest: the same work ({@code steady} in kernel/user) is done with all views' snapshots taken at 30 Hz and
 * without, one after the other. Counted ({@code -icount}), both must execute the same instructions; uncounted, the fastest of
 * several runs of each are compared, so that other work on the computer counts as little as it can.
 */
final class InspectCost {

    private static final double RATE = 30;
    private static final double GATE_PERCENT = 2;
    private static final Pattern END = Pattern.compile("steady: \\d+ rounds, (\\d+) instructions");

    /** What each view asks for. */
    private static final List<Request> VIEWS = List.of(Request.of(Part.CAPABILITIES), Request.of(Part.PAGE_TABLES, Part.MEMORY, Part.FRAMES),
            Request.of(Part.THREADS, Part.RUN_QUEUES), Request.of(Part.THREADS, Part.CAPABILITIES), Request.of(Part.THREADS, Part.CAPABILITIES),
            Request.of(Part.THREADS, Part.CAPABILITIES), Request.of(Part.MEMORY), Request.of(Part.OBJECTS), Request.of(Part.ENDPOINTS),
            Request.of(Part.PAGE_TABLES).withAddressSpaces(Set.of(0L)));

    private record Run(long instructions, double seconds, long snapshots) {
    }

    private final Context context;
    private final PrintStream out;
    private final MachineConfig config;

    private InspectCost(Context context, MachineConfig config) {
        this.context = context;
        this.out = context.out();
        this.config = config;
    }

    /** Measures and prints; 0 if the counts are equal. */
    static int measure(Context context, Options options) throws Failure, MachineException, IOException, InterruptedException {
        Target target = Builds.target(options);
        Profile profile = Machines.profile(context, options, target);
        Image image = Builds.pick(Builds.build(context, List.of(target), true, false), target, i -> i.test().isEmpty(), "bootable image");
        long rounds = options.number("--rounds", 1, 1_000_000).orElse(2000L);
        int times = options.number("--times", 1, 100).orElse(5L).intValue();
        MachineConfig config = Machines.config(options, profile, image, List.of("--", "steady", Long.toString(rounds))).withCpus(1);
        return new InspectCost(context, config).compare(target.id(), times);
    }

    private int compare(String arch, int times) throws Failure, MachineException, IOException, InterruptedException {
        Run alone = run(true, false);
        Run seen = run(true, true);
        if (seen.snapshots == 0) {
            throw new Failure("the guest was done before it could be looked at; give it more --rounds");
        }
        boolean equal = alone.instructions == seen.instructions;
        out.printf("%s: %,d instructions alone, %,d with %d views at %.0f Hz (%,d snapshots): %s%n", arch, alone.instructions, seen.instructions, VIEWS.size(), RATE,
                seen.snapshots, equal ? "equal" : "NOT EQUAL");
        double best = Double.MAX_VALUE;
        double bestSeen = Double.MAX_VALUE;
        long snapshots = 0;
        for (int i = 0; i < times; i++) {
            best = Math.min(best, run(false, false).seconds);
            Run looked = run(false, true);
            bestSeen = Math.min(bestSeen, looked.seconds);
            snapshots += looked.snapshots;
        }
        double more = (bestSeen / best - 1) * 100;
        out.printf("%s: %.3f s alone, %.3f s with the views (fastest of %d each, %,d snapshots): %+.1f %%, %s%n", arch, best, bestSeen, times, snapshots, more,
                more < GATE_PERCENT ? "within the " + (int) GATE_PERCENT + " % allowed" : "more than the " + (int) GATE_PERCENT + " % allowed; is a core free?");
        return equal ? 0 : 1;
    }

    private Run run(boolean counting, boolean looking) throws Failure, MachineException, IOException, InterruptedException {
        try (Machine machine = Machines.start(context, config.withCounting(counting), false); LiveSource source = LiveSource.open(machine.session())) {
            AtomicBoolean over = new AtomicBoolean();
            AtomicLong snapshots = new AtomicLong();
            List<Thread> views = new ArrayList<>();
            try {
                for (Request view : looking ? VIEWS : List.<Request>of()) {
                    views.add(Thread.ofPlatform().daemon().name("view").start(() -> look(source, view, over, snapshots)));
                }
                return work(machine, snapshots);
            } finally {
                over.set(true);
                for (Thread view : views) {
                    view.join();
                }
            }
        } catch (InspectException unreadable) {
            throw new Failure(unreadable.getMessage());
        }
    }

    /** Waits until the guest has done its work. */
    private static Run work(Machine machine, AtomicLong snapshots) throws Failure, IOException, InterruptedException {
        StringBuilder text = new StringBuilder();
        ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
        long begun = 0;
        while (machine.console().read(buffer) >= 0) {
            text.append(new String(buffer.array(), 0, buffer.position(), StandardCharsets.ISO_8859_1));
            buffer.clear();
            long now = System.nanoTime();
            if (begun == 0 && text.indexOf("steady: begin") >= 0) {
                begun = now;
                snapshots.set(0);
            }
            Matcher end = END.matcher(text);
            if (end.find()) {
                return new Run(Long.parseLong(end.group(1)), (now - begun) / 1e9, snapshots.get());
            }
        }
        machine.waitFor(10, TimeUnit.SECONDS);
        throw new Failure("the guest did not finish its work: " + text.toString().strip());
    }

    private static void look(LiveSource source, Request what, AtomicBoolean over, AtomicLong snapshots) {
        long next = System.nanoTime();
        while (!over.get()) {
            try {
                source.take(what, Cancel.NEVER);
                snapshots.incrementAndGet();
            } catch (InspectException early) {
                // Until the kernel has set itself up there is nothing to see.
            }
            next = Math.max(next + (long) (1e9 / RATE), System.nanoTime());
            LockSupport.parkNanos(next - System.nanoTime());
        }
    }
}
