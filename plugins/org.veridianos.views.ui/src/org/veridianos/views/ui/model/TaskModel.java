package org.veridianos.views.ui.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.ProcessState;
import org.veridianos.inspect.model.ThreadState;

/**
 * Processes with their threads, as a task manager shows them.
 *
 * @param rows  the tree
 * @param usage CPU time by thread, for the next model
 */
public record TaskModel(Rows<TreeRow<TaskModel.Task>> rows, Map<Long, Usage> usage) {

    private static final long STEP_MS = 500;

    /**
     * A process, or a thread of one.
     *
     * @param process    its process; null for a thread that has left it
     * @param thread     the thread; null for a process
     * @param threads    how many threads it has; 1 for a thread
     * @param share      of one CPU's time lately, in thousandths
     * @param runTime    nanoseconds of CPU time
     * @param switches   times a CPU was given to it
     * @param capabilities live capabilities of the process; 0 for a thread
     */
    public record Task(ProcessState process, ThreadState thread, int threads, long share, long runTime, long switches, long capabilities) {

        /** Name with number. */
        public String name() {
            return thread != null ? thread.name() : process.title();
        }

        /** What it does. */
        public String state() {
            return thread != null ? RunQueueModel.stateText(thread) : process.life().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /**
     * CPU time at a moment.
     *
     * @param time    host's clock in milliseconds
     * @param runTime nanoseconds at that moment
     * @param share   of one CPU until then, in thousandths
     */
    public record Usage(long time, long runTime, long share) {
    }

    /** What {@code snapshot} shows; {@code closed} are the processes whose threads are hidden. */
    public static TaskModel of(Snapshot snapshot, TaskModel previous, Set<Object> open, Arrangement<TreeRow<Task>> arrangement) {
        long now = snapshot.taken().toEpochMilli();
        Map<Long, Usage> usage = new HashMap<>();
        for (ThreadState thread : snapshot.threads()) {
            Usage before = previous == null ? null : previous.usage.get(thread.address());
            if (before == null) {
                usage.put(thread.address(), new Usage(now, thread.runTime(), 0));
            } else if (now - before.time < STEP_MS) {
                usage.put(thread.address(), before);
            } else {
                long share = Math.max(0, thread.runTime() - before.runTime) / (now - before.time) / 1000;
                usage.put(thread.address(), new Usage(now, thread.runTime(), Math.min(1000, share)));
            }
        }
        Map<Integer, Long> capabilities = new HashMap<>();
        snapshot.capabilitySpaces().forEach(s -> capabilities.merge(s.pid(), (long) s.capabilities().size(), Long::sum));
        List<TreeRow<Task>> rows = new ArrayList<>();
        for (ProcessState process : snapshot.processes()) {
            List<Task> threads = new ArrayList<>();
            for (long address : process.threads()) {
                snapshot.thread(address).ifPresent(t -> threads.add(new Task(process, t, 1, usage.get(t.address()).share, t.runTime(), t.switches(), 0)));
            }
            boolean shown = open.contains(process.pid());
            Task task = new Task(process, null, threads.size(), threads.stream().mapToLong(Task::share).sum(), threads.stream().mapToLong(Task::runTime).sum(),
                    threads.stream().mapToLong(Task::switches).sum(), capabilities.getOrDefault(process.pid(), 0L));
            rows.add(new TreeRow<>(process.pid(), 0, !threads.isEmpty(), shown, task));
            if (shown) {
                threads.forEach(t -> rows.add(new TreeRow<>("thread " + t.thread().id(), 1, false, false, t)));
            }
        }
        return new TaskModel(arrangement.apply(rows), Map.copyOf(usage));
    }
}
