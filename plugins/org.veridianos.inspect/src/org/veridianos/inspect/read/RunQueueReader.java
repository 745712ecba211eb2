package org.veridianos.inspect.read;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldKind;
import org.veridianos.inspect.image.Root;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.RunQueue;
import org.veridianos.inspect.model.RunQueue.Ready;

/** Reads the roots {@code cpus} and {@code schedulers}, which have an element for each CPU. */
final class RunQueueReader {

    private static final int MOST_CPUS = 4096;

    private final KernelMemory memory;
    private final Fields fields;
    private final Collections collections;
    private final Cancel cancel;
    private final int limit;

    RunQueueReader(KernelMemory memory, Fields fields, Collections collections, Cancel cancel, int limit) {
        this.memory = memory;
        this.fields = fields;
        this.collections = collections;
        this.cancel = cancel;
        this.limit = limit;
    }

    List<RunQueue> read() {
        List<RunQueue> queues = new ArrayList<>();
        Optional<Root> cpus = fields.root("cpus");
        Optional<Root> schedulers = fields.root("schedulers");
        DescribedType cpu = cpus.flatMap(r -> fields.target(r.data())).orElse(null);
        DescribedType scheduler = schedulers.flatMap(r -> fields.target(r.data())).orElse(null);
        if (cpu == null || scheduler == null) {
            return queues;
        }
        CpuFields c = new CpuFields(cpu);
        SchedulerFields s = new SchedulerFields(scheduler);
        int count = Math.min(MOST_CPUS, Math.min(cpus.get().data().count(), schedulers.get().data().count()));
        for (int i = 0; i < count; i++) {
            cancel.check();
            long cpuAt = element(cpus.get(), i);
            long schedulerAt = element(schedulers.get(), i);
            try {
                RunQueue queue = read(c, s, i, cpuAt, schedulerAt);
                if (queue != null) {
                    queues.add(queue);
                }
            } catch (Unreadable unreadable) {
                queues.add(new RunQueue(i, 0, 0, "?", 0, List.of(), 0, 0, 0, 0, 0, 0, 0, List.of(), 0, Consistency.broken(unreadable.getMessage())));
            }
        }
        return queues;
    }

    private static long element(Root root, int index) {
        return root.address() + root.data().offset() + (long) index * root.data().stride();
    }

    private final class CpuFields {
        final Access state;
        final Access current;
        final Access hardware;
        final Access node;
        final Access space;
        final Span span;

        CpuFields(DescribedType type) {
            state = fields.access(type, "state");
            current = fields.access(type, "current");
            hardware = fields.access(type, "hardware_id");
            node = fields.access(type, "node");
            space = fields.access(type, "space");
            span = new Span(state, current, hardware, node, space);
        }
    }

    private final class SchedulerFields {
        final DescribedType queueType;
        final int ready;
        final Access load;
        final Access switches;
        final Access migrations;
        final Access idle;
        final Access ticks;
        final Access length;
        final Access floor;
        final Field lists;
        final Field firstList;
        final Field fair;
        final Field sleepers;
        final DescribedType sleepersType;
        final Access rank;
        final Access key;
        final Span span;

        SchedulerFields(DescribedType type) {
            Field queue = fields.field(type, "ready").orElse(null);
            queueType = queue == null ? null : fields.target(queue).orElse(null);
            ready = queue == null ? 0 : queue.offset();
            load = fields.access(type, "load");
            switches = fields.access(type, "metrics.switches");
            migrations = fields.access(type, "metrics.migrations");
            idle = fields.access(type, "metrics.idle_time");
            ticks = fields.access(type, "metrics.ticks");
            length = fields.access(type, "ready.length");
            floor = fields.access(type, "ready.floor");
            lists = fields.field(type, "ready.lists").orElse(null);
            firstList = lists == null ? null : fields.collection(type, "ready.lists").orElse(null);
            fair = fields.collection(type, "ready.fair").orElse(null);
            sleepers = fields.types().collection(type, "timers.sleepers").orElse(null);
            sleepersType = type;
            DescribedType thread = fair == null ? null : fields.target(fair).orElse(null);
            rank = thread == null ? Access.MISSING : fields.access(thread, "task.queued_rank");
            key = thread == null ? Access.MISSING : fields.access(thread, "task.node.key");
            span = new Span(load, switches, migrations, idle, ticks, length, floor);
        }
    }

    private RunQueue read(CpuFields c, SchedulerFields s, int index, long cpuAt, long schedulerAt) throws Unreadable {
        byte[] cpu = new byte[c.span.length()];
        Consistency consistency = c.span.read(memory, cpuAt, cpu, new byte[cpu.length]);
        int base = c.span.base();
        String state = c.state.name(cpu, base);
        if (state.equals("Absent")) {
            return null;
        }
        byte[] first = new byte[s.span.length()];
        byte[] second = new byte[s.span.length()];
        int at = s.span.base();
        List<Ready> ready = List.of();
        String problem = null;
        int length = 0;
        for (int i = 0; i < Span.TRIES; i++) {
            s.span.read(memory, schedulerAt, first, second);
            length = (int) s.length.get(first, at);
            List<String> problems = new ArrayList<>();
            ready = ready(s, schedulerAt, problems);
            memory.read(schedulerAt - at, second, 0, second.length);
            if (!problems.isEmpty()) {
                problem = problems.get(0);
            } else if (ready.size() == length && length == s.length.get(second, at)) {
                problem = null;
                break;
            } else {
                problem = "the queue changed while it was read: " + ready.size() + " threads were found, " + length + " counted";
            }
        }
        if (problem != null) {
            consistency = consistency.and(Consistency.broken(problem));
        }
        List<Long> sleepers = s.sleepers == null ? List.of()
                : KernelMemory.boxed(collections.walk(s.sleepersType, s.sleepers, schedulerAt, limit).addresses());
        return new RunQueue(index, c.hardware.get(cpu, base), (int) c.node.get(cpu, base), state, c.current.get(cpu, base), ready, length,
                (int) s.load.get(first, at), s.floor.get(first, at), s.switches.get(first, at), s.migrations.get(first, at), s.idle.get(first, at),
                s.ticks.get(first, at), sleepers, c.space.get(cpu, base), consistency);
    }

    private List<Ready> ready(SchedulerFields s, long schedulerAt, List<String> problems) throws Unreadable {
        List<Ready> ready = new ArrayList<>();
        if (s.lists != null && s.lists.kind() == FieldKind.STRUCTURE) {
            Field first = s.firstList;
            byte[] anchors = memory.read(schedulerAt + s.lists.offset(), Math.min(s.lists.size(), 1 << 20));
            for (int rank = s.lists.count() - 1; rank >= 0 && first != null; rank--) {
                int anchor = rank * s.lists.stride();
                int at = anchor + first.offset() - s.lists.offset();
                if (at >= 0 && at + 8 <= anchors.length && Access.raw(anchors, at, 8) != 0) {
                    collect(s, s.queueType, first, schedulerAt + anchor, ready, problems);
                }
            }
        }
        if (s.fair != null) {
            collect(s, s.queueType, s.fair, schedulerAt, ready, problems);
        }
        return ready;
    }

    private void collect(SchedulerFields s, DescribedType owner, Field field, long address, List<Ready> ready, List<String> problems) {
        Collections.Elements elements = collections.walk(owner, field, address, limit);
        if (elements.problem() != null) {
            problems.add(elements.problem());
        }
        boolean tree = field.kind() == FieldKind.TREE;
        for (long thread : elements.addresses()) {
            try {
                int rank = s.rank.exists() ? (int) Access.raw(memory.read(thread + s.rank.offset(), s.rank.field().size()), 0, s.rank.field().size()) : 0;
                ready.add(new Ready(thread, rank, tree && s.key.exists() ? memory.readLong(thread + s.key.offset()) : 0));
            } catch (Unreadable unreadable) {
                problems.add(unreadable.getMessage());
            }
        }
    }
}
