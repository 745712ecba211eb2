package org.veridianos.inspect.analysis;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.inspect.model.ThreadState;
import org.veridianos.inspect.model.ThreadState.Run;

/**
 * Which thread waits for which, and who will never go on.
 *
 * <p>A thread that waits for a reply, a mutex, the end of a thread or the answer to its fault waits for one other; one whose call
 * or message nobody has taken waits for any of those who may receive there. A wait for an event that anybody may cause (a message,
 * a signal, a key, a point in time), or one with a deadline, holds nobody up for ever. Whoever cannot be reached from a thread that
 * goes on is deadlocked; circles among these are spelled out. A thread that went on while the others were read holds nobody up.
 */
public final class WaitForGraph {

    /**
     * An edge.
     *
     * @param from   the thread that waits
     * @param to     a thread that it waits for
     * @param object what lies between, such as an endpoint, or empty
     * @param reason name of the reason
     */
    public record Edge(ThreadState from, ThreadState to, String object, String reason) {
    }

    /**
     * Threads that wait for each other in a circle.
     *
     * @param threads in order: each waits for the next, the last for the first
     * @param text    the chain in words
     */
    public record Deadlock(List<ThreadState> threads, String text) {
        /** Copies the list. */
        public Deadlock {
            threads = List.copyOf(threads);
        }
    }

    private final List<ThreadState> threads;
    private final Map<Long, List<Edge>> edges = new LinkedHashMap<>();
    private final Set<Long> stuck = new HashSet<>();
    private final List<Deadlock> deadlocks = new ArrayList<>();

    /** The graph of a snapshot; with its capabilities it also knows who may take a message that nobody has taken. */
    public WaitForGraph(Snapshot snapshot) {
        threads = snapshot.threads();
        Map<Long, ThreadState> byAddress = new HashMap<>();
        for (ThreadState thread : threads) {
            byAddress.put(thread.address(), thread);
            byAddress.put(thread.object(), thread);
        }
        Map<Integer, List<ThreadState>> byProcess = new TreeMap<>();
        threads.forEach(t -> byProcess.computeIfAbsent(t.pid(), k -> new ArrayList<>()).add(t));
        Map<Long, Set<Integer>> receivers = receivers(snapshot.capabilitySpaces());
        for (ThreadState thread : threads) {
            if (thread.run() == Run.BLOCKED && thread.consistency().consistent()) {
                edges(thread, byAddress, byProcess, receivers);
            }
        }
        findStuck();
        findCircles(byAddress);
    }

    /** Processes that have the right to receive, by endpoint. */
    private static Map<Long, Set<Integer>> receivers(List<CapabilitySpace> spaces) {
        Map<Long, Set<Integer>> receivers = new HashMap<>();
        for (CapabilitySpace space : spaces) {
            int read = space.rights().indexOf("read");
            for (Capability capability : space.capabilities()) {
                if (capability.kind().equals("Endpoint") && space.pid() != 0 && (read < 0 || (capability.rights() >>> read & 1) != 0)) {
                    receivers.computeIfAbsent(capability.object(), k -> new HashSet<>()).add(space.pid());
                }
            }
        }
        return receivers;
    }

    private void edges(ThreadState thread, Map<Long, ThreadState> byAddress, Map<Integer, List<ThreadState>> byProcess, Map<Long, Set<Integer>> receivers) {
        ThreadState.Wait wait = thread.waiting();
        List<Edge> out = new ArrayList<>();
        switch (wait.reason()) {
            case "Reply", "Fault", "Mutex" -> Optional.ofNullable(byAddress.get(wait.server()))
                    .ifPresent(server -> out.add(new Edge(thread, server, wait.reason().equals("Mutex") ? "mutex" : wait.object().name(), wait.reason())));
            case "Join" -> Optional.ofNullable(byAddress.get(wait.object().address())).ifPresent(other -> out.add(new Edge(thread, other, "", wait.reason())));
            case "Call", "Send" -> {
                for (int pid : receivers.getOrDefault(wait.object().address(), Set.of())) {
                    for (ThreadState other : byProcess.getOrDefault(pid, List.of())) {
                        if (other != thread && other.run() != Run.DEAD && other.run() != Run.NEW) {
                            out.add(new Edge(thread, other, wait.object().name(), wait.reason()));
                        }
                    }
                }
            }
            default -> {
                // Anybody may end the wait.
            }
        }
        if (!out.isEmpty()) {
            edges.put(thread.address(), out);
        }
    }

    /** Takes away everybody who may go on, and those whom one of them may free; who is left never goes on. */
    private void findStuck() {
        Map<Long, List<Long>> waiters = new HashMap<>();
        List<Long> open = new ArrayList<>();
        Set<Long> free = new HashSet<>();
        for (ThreadState thread : threads) {
            List<Edge> out = edges.get(thread.address());
            if (out == null || thread.waiting().deadline() != 0) {
                open.add(thread.address());
                free.add(thread.address());
            } else {
                out.forEach(e -> waiters.computeIfAbsent(e.to.address(), k -> new ArrayList<>()).add(thread.address()));
            }
        }
        while (!open.isEmpty()) {
            for (long waiter : waiters.getOrDefault(open.remove(open.size() - 1), List.of())) {
                if (free.add(waiter)) {
                    open.add(waiter);
                }
            }
        }
        threads.stream().map(ThreadState::address).filter(a -> !free.contains(a)).forEach(stuck::add);
    }

    /** From each stuck thread along its first stuck edge; every circle is found once. */
    private void findCircles(Map<Long, ThreadState> byAddress) {
        Set<Long> done = new HashSet<>();
        for (ThreadState thread : threads) {
            List<Long> path = new ArrayList<>();
            long at = thread.address();
            while (stuck.contains(at) && !done.contains(at) && !path.contains(at)) {
                path.add(at);
                at = edges.get(at).stream().map(e -> e.to.address()).filter(stuck::contains).findFirst().orElse(0L);
            }
            int start = path.indexOf(at);
            if (start >= 0) {
                List<Long> circle = new ArrayList<>(path.subList(start, path.size()));
                Collections.rotate(circle, -circle.indexOf(Collections.min(circle, (a, b) -> Integer.compare(byAddress.get(a).id(), byAddress.get(b).id()))));
                List<ThreadState> members = circle.stream().map(byAddress::get).toList();
                deadlocks.add(new Deadlock(members, words(members)));
            }
            done.addAll(path);
        }
    }

    private String words(List<ThreadState> circle) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < circle.size(); i++) {
            ThreadState from = circle.get(i);
            ThreadState to = circle.get((i + 1) % circle.size());
            Edge edge = edges.get(from.address()).stream().filter(e -> e.to.address() == to.address()).findFirst().orElseThrow();
            text.append(i == 0 ? "" : "; ").append(from.name()).append(switch (edge.reason) {
                case "Reply" -> " waits for the reply of " + to.name() + " on " + edge.object;
                case "Fault" -> " waits for the answer of " + to.name() + " to its fault";
                case "Mutex" -> " waits for a mutex (at 0x" + Long.toHexString(from.waiting().argument()) + ") that " + to.name() + " holds";
                case "Join" -> " waits for the end of " + to.name();
                default -> " waits for somebody to receive on " + edge.object + ", which " + to.name() + " could";
            });
        }
        return text.toString();
    }

    /** Every edge. */
    public List<Edge> edges() {
        return edges.values().stream().flatMap(List::stream).toList();
    }

    /** Whom a thread waits for. */
    public List<Edge> edges(ThreadState from) {
        return List.copyOf(edges.getOrDefault(from.address(), List.of()));
    }

    /** Whether a thread can never go on: it is in a circle, or waits for one that is. */
    public boolean isStuck(ThreadState thread) {
        return stuck.contains(thread.address());
    }

    /** Circles, spelled out; each thread is in one at most. */
    public List<Deadlock> deadlocks() {
        return List.copyOf(deadlocks);
    }
}
