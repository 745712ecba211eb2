package org.veridianos.views.ui.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.RunQueue;
import org.veridianos.inspect.model.ThreadState;

/**
 * CPUs with their queues, and who is blocked by what it waits for.
 *
 * @param lanes    one for each CPU
 * @param blocked  groups of blocked threads, by reason
 * @param threads  every thread, for the table
 * @param history  by CPU
 */
public record RunQueueModel(List<Lane> lanes, List<Group> blocked, Rows<ThreadState> threads, Map<Integer, CpuHistory> history) {

    /**
     * One CPU.
     *
     * @param queue   the kernel's run queue
     * @param running who has it; null when idle
     * @param ready   who stands in its queue, best first
     * @param history what it did lately
     */
    public record Lane(RunQueue queue, ThreadState running, List<Waiting> ready, CpuHistory history) {
    }

    /**
     * A ready thread.
     *
     * @param thread the thread
     * @param place  its class with what orders it there: priority level, or virtual run time
     */
    public record Waiting(ThreadState thread, String place) {
    }

    /**
     * Threads blocked for the same reason.
     *
     * @param reason  name of the reason
     * @param ipc     whether another thread's message would end it
     * @param threads by number
     */
    public record Group(String reason, boolean ipc, List<ThreadState> threads) {
    }

    /** What {@code snapshot} shows; {@code previous} may be null. */
    public static RunQueueModel of(Snapshot snapshot, RunQueueModel previous, Arrangement<ThreadState> arrangement) {
        Map<Integer, CpuHistory> history = new HashMap<>();
        List<Lane> lanes = new ArrayList<>();
        long now = snapshot.taken().toEpochMilli();
        for (RunQueue queue : snapshot.runQueues()) {
            CpuHistory before = previous == null ? null : previous.history.get(queue.cpu());
            CpuHistory after = before == null ? CpuHistory.begin(now, queue.load(), queue.switches(), queue.migrations())
                    : before.with(now, queue.load(), queue.switches(), queue.migrations());
            history.put(queue.cpu(), after);
            List<Waiting> ready = new ArrayList<>();
            for (RunQueue.Ready each : queue.ready()) {
                snapshot.thread(each.thread()).ifPresent(t -> ready.add(new Waiting(t, place(t, queue, each))));
            }
            lanes.add(new Lane(queue, snapshot.thread(queue.running()).orElse(null), List.copyOf(ready), after));
        }
        Map<String, List<ThreadState>> byReason = new TreeMap<>();
        for (ThreadState thread : snapshot.threads()) {
            if (thread.run() == ThreadState.Run.BLOCKED) {
                byReason.computeIfAbsent(thread.waiting().reason(), r -> new ArrayList<>()).add(thread);
            }
        }
        List<Group> blocked = byReason.entrySet().stream().map(e -> new Group(e.getKey(), isIpc(e.getKey()), List.copyOf(e.getValue()))).toList();
        return new RunQueueModel(List.copyOf(lanes), blocked, arrangement.apply(snapshot.threads()), Map.copyOf(history));
    }

    private static String place(ThreadState thread, RunQueue queue, RunQueue.Ready ready) {
        if (!thread.schedulingClass().equals("Fair")) {
            return thread.classText();
        }
        long ahead = ready.key() - queue.floor();
        return thread.classText() + (ahead < 0 ? " \u2212" : " +") + Numbers.time(Math.abs(ahead));
    }

    /** Whether a reason to be blocked is another thread's message, signal or end. */
    public static boolean isIpc(String reason) {
        return switch (reason) {
            case "Send", "Call", "Receive", "Reply", "Notification", "Channel", "Fault" -> true;
            default -> false;
        };
    }

    /** What a thread does, in words. */
    public static String stateText(ThreadState thread) {
        return switch (thread.run()) {
            case RUNNING -> "running";
            case READY -> "ready";
            case BLOCKED -> thread.waiting().reason().equals("None") ? "blocked" : "waits for " + thread.waiting().text();
            case NEW -> "not started";
            case DEAD -> "ended";
            case CHANGING -> "changing";
        };
    }

    /** The CPUs a thread may run on, as ranges. */
    public static String affinityText(long mask, int cpus) {
        long all = cpus >= 64 ? -1L : (1L << cpus) - 1;
        if ((mask & all) == all) {
            return "all";
        }
        StringBuilder text = new StringBuilder();
        for (int from = 0; from < 64; from++) {
            if ((mask >>> from & 1) != 0) {
                int to = from;
                while (to < 63 && (mask >>> to + 1 & 1) != 0) {
                    to++;
                }
                text.append(text.isEmpty() ? "" : ",").append(from).append(to > from ? "\u2013" + to : "");
                from = to;
            }
        }
        return text.isEmpty() ? "none" : text.toString();
    }
}
