package org.veridianos.inspect.read;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.FieldKind;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.Endpoint;
import org.veridianos.inspect.model.Endpoint.Counter;
import org.veridianos.inspect.model.KernelObject;
import org.veridianos.inspect.model.ThreadState;

/**
 * Reads the objects that threads meet at. No root leads to them: they are those that some capability or some waiting thread names.
 *
 * <p>An endpoint's sequence count is read before and after its queues; channels and notifications are read until two readings agree.
 */
final class EndpointReader {

    private static final List<String> KINDS = List.of("Endpoint", "Channel", "Notification");

    private final KernelMemory memory;
    private final Fields fields;
    private final Collections collections;
    private final Cancel cancel;
    private final int limit;
    private final ObjectKinds objects;
    private final Map<String, Layout> layouts = new HashMap<>();

    EndpointReader(KernelMemory memory, Fields fields, Collections collections, Cancel cancel, int limit, ObjectKinds objects) {
        this.memory = memory;
        this.fields = fields;
        this.collections = collections;
        this.cancel = cancel;
        this.limit = limit;
        this.objects = objects;
    }

    /** Where the queues and counts of one kind of object are. */
    private final class Layout {
        final DescribedType type;
        final Access sequence;
        final Field senders;
        final Field receivers;
        final Field inFlight;
        final Access bits;
        final Access head;
        final Access tail;
        final Access buffered;
        final Access capacity;
        final List<Access> counters = new ArrayList<>();

        Layout(DescribedType type, String kind) {
            this.type = type;
            boolean endpoint = kind.equals("Endpoint");
            boolean notification = kind.equals("Notification");
            sequence = endpoint ? fields.access(type, "queues.sequence") : Access.MISSING;
            senders = endpoint ? fields.collection(type, "queues.senders").orElse(null) : null;
            receivers = fields.collection(type, endpoint ? "queues.receivers" : notification ? "inner.waiters" : "waiters").orElse(null);
            inFlight = endpoint ? fields.collection(type, "queues.in_flight").orElse(null) : null;
            bits = notification ? fields.access(type, "inner.bits") : Access.MISSING;
            head = endpoint || notification ? Access.MISSING : fields.access(type, "ring.head");
            tail = endpoint || notification ? Access.MISSING : fields.access(type, "ring.tail");
            buffered = endpoint ? fields.access(type, "queues.buffer.count") : Access.MISSING;
            capacity = endpoint ? fields.access(type, "queues.buffer.capacity") : Access.MISSING;
            Field metrics = endpoint ? fields.field(type, "queues.metrics").orElse(null) : null;
            DescribedType counted = metrics == null ? null : fields.target(metrics).orElse(null);
            if (counted != null) {
                for (Field field : counted.fields()) {
                    if (field.kind() == FieldKind.UNSIGNED && field.count() == 1) {
                        counters.add(new Access(field.shifted(metrics.offset())));
                    }
                }
            }
        }
    }

    List<Endpoint> read(List<CapabilitySpace> spaces, List<ThreadState> threads) {
        Map<Long, String> found = new TreeMap<>(Long::compareUnsigned);
        for (CapabilitySpace space : spaces) {
            for (Capability capability : space.capabilities()) {
                if (KINDS.contains(capability.kind()) && found.size() < limit) {
                    found.put(capability.object(), capability.kind());
                }
            }
        }
        for (ThreadState thread : threads) {
            KernelObject object = thread.waiting().object();
            if (KINDS.contains(object.kind()) && found.size() < limit) {
                found.putIfAbsent(object.address(), object.kind());
            }
        }
        List<Endpoint> all = new ArrayList<>();
        found.forEach((address, kind) -> {
            cancel.check();
            Layout layout = layouts.computeIfAbsent(kind, k -> objects.structure(k).map(type -> new Layout(type, k)).orElse(null));
            if (layout != null) {
                all.add(read(layout, objects.at(address), objects.structureAt(address, layout.type)));
            }
        });
        all.sort(Comparator.comparing((Endpoint e) -> e.object().address(), Long::compareUnsigned));
        return all;
    }

    private Endpoint read(Layout f, KernelObject object, long address) {
        Endpoint last = null;
        for (int i = 0; i < Span.TRIES; i++) {
            try {
                long before = sequence(f, address);
                Endpoint now = once(f, object, address);
                boolean still = f.sequence.exists() ? (before & 1) == 0 && before == sequence(f, address) : now.equals(last);
                last = now;
                if (still) {
                    return now;
                }
            } catch (Unreadable unreadable) {
                last = with(object, Consistency.broken(unreadable.getMessage()));
            }
        }
        return last.consistency().consistent() ? new Endpoint(object, last.senders(), last.receivers(), last.inFlight(), last.buffered(), last.capacity(), last.bits(),
                last.counters(), Consistency.broken("it changed while it was read")) : last;
    }

    private static Endpoint with(KernelObject object, Consistency consistency) {
        return new Endpoint(object, List.of(), List.of(), List.of(), 0, 0, 0, List.of(), consistency);
    }

    private long sequence(Layout f, long address) throws Unreadable {
        return f.sequence.exists() ? memory.readLong(address + f.sequence.offset()) : 0;
    }

    private Endpoint once(Layout f, KernelObject object, long address) throws Unreadable {
        byte[] bytes = memory.read(address, f.type.size());
        String[] problem = {null};
        List<Long> senders = queue(f, f.senders, address, problem);
        List<Long> receivers = queue(f, f.receivers, address, problem);
        List<Long> inFlight = queue(f, f.inFlight, address, problem);
        List<Counter> counters = f.counters.stream().map(c -> new Counter(c.field().name(), c.get(bytes, 0))).toList();
        long buffered = f.tail.exists() ? f.tail.get(bytes, 0) - f.head.get(bytes, 0) : f.buffered.get(bytes, 0);
        return new Endpoint(object, senders, receivers, inFlight, buffered, f.capacity.get(bytes, 0), f.bits.get(bytes, 0), counters,
                problem[0] == null ? Consistency.OK : Consistency.broken(problem[0]));
    }

    private List<Long> queue(Layout f, Field field, long address, String[] problem) {
        if (field == null) {
            return List.of();
        }
        Collections.Elements elements = collections.walk(f.type, field, address, limit);
        if (elements.problem() != null && problem[0] == null) {
            problem[0] = elements.problem();
        }
        return KernelMemory.boxed(elements.addresses());
    }
}
