package org.veridianos.inspect;

import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.veridianos.inspect.image.TypeTable;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.inspect.model.Endpoint;
import org.veridianos.inspect.model.KernelObject;
import org.veridianos.inspect.model.ObjectTree;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.PhysicalMemory;
import org.veridianos.inspect.model.ProcessState;
import org.veridianos.inspect.model.RunQueue;
import org.veridianos.inspect.model.ThreadState;

/** What a kernel looked like, as far as it was asked for. Immutable; parts that were not asked for are empty. */
public final class Snapshot {

    /** What a snapshot consists of; filled by the reader. */
    public static final class Content {
        /** By number. */
        public List<ProcessState> processes = List.of();
        /** By number. */
        public List<ThreadState> threads = List.of();
        /** By CPU. */
        public List<RunQueue> runQueues = List.of();
        /** Those of processes first, by number. */
        public List<CapabilitySpace> capabilitySpaces = List.of();
        /** The kernel's first. */
        public List<PageTable> pageTables = List.of();
        /** By address. */
        public List<Endpoint> endpoints = List.of();
        /** Zones, slabs, reserved ranges, frames. */
        public PhysicalMemory memory;
        /** The generic view. */
        public ObjectTree objects = new ObjectTree(List.of(), true);
        /** Fields and roots that the kernel lacks. */
        public List<String> missing = List.of();
        /** What is wrong, in words. */
        public List<String> problems = List.of();
    }

    private final SnapshotSource.Machine machine;
    private final Request request;
    private final Instant taken;
    private final long nanoseconds;
    private final TypeTable types;
    private final Content content;
    private final Map<Long, ThreadState> threadsByAddress = new HashMap<>();
    private final Map<Long, ThreadState> threadsByObject = new HashMap<>();
    private final Map<Long, ProcessState> processesByAddress = new HashMap<>();

    /** @param nanoseconds how long it took */
    public Snapshot(SnapshotSource.Machine machine, Request request, Instant taken, long nanoseconds, TypeTable types, Content content) {
        this.machine = machine;
        this.request = request;
        this.taken = taken;
        this.nanoseconds = nanoseconds;
        this.types = types;
        this.content = content;
        content.threads.forEach(t -> {
            threadsByAddress.put(t.address(), t);
            threadsByObject.put(t.object(), t);
        });
        content.processes.forEach(p -> processesByAddress.put(p.address(), p));
    }

    /** Whose kernel it is. */
    public SnapshotSource.Machine machine() {
        return machine;
    }

    /** What was asked for. */
    public Request request() {
        return request;
    }

    /** When it was begun, by the host's clock. */
    public Instant taken() {
        return taken;
    }

    /** How long it took. */
    public long nanoseconds() {
        return nanoseconds;
    }

    /** The kernel's description of its types, for source lines. */
    public TypeTable types() {
        return types;
    }

    /** Every process, by number. */
    public List<ProcessState> processes() {
        return content.processes;
    }

    /** Every thread of every process, by number. */
    public List<ThreadState> threads() {
        return content.threads;
    }

    /** Every CPU of the machine, by number. */
    public List<RunQueue> runQueues() {
        return content.runQueues;
    }

    /** Every capability space that was found, those of processes first. */
    public List<CapabilitySpace> capabilitySpaces() {
        return content.capabilitySpaces;
    }

    /** Page tables, the kernel's first. */
    public List<PageTable> pageTables() {
        return content.pageTables;
    }

    /** Endpoints, channels and notifications that somebody can name, by address. */
    public List<Endpoint> endpoints() {
        return content.endpoints;
    }

    /** Physical memory, if it was asked for. */
    public Optional<PhysicalMemory> memory() {
        return Optional.ofNullable(content.memory);
    }

    /** The generic view. */
    public ObjectTree objects() {
        return content.objects;
    }

    /** Fields and roots that this kernel lacks and that a part asked for needs, as {@code Thread.task.class}. */
    public List<String> missing() {
        return content.missing;
    }

    /** What is wrong with the kernel's data or description, in words. */
    public List<String> problems() {
        return content.problems;
    }

    /** The thread whose record is at an address. */
    public Optional<ThreadState> thread(long address) {
        return Optional.ofNullable(threadsByAddress.get(address));
    }

    /** The process at an address. */
    public Optional<ProcessState> process(long address) {
        return Optional.ofNullable(processesByAddress.get(address));
    }

    /** The object at an address as people know it; {@code kind} is what a capability says of it. */
    public KernelObject object(long address, String kind) {
        ThreadState thread = threadsByObject.get(address);
        if (thread != null && kind.equals("Thread")) {
            return new KernelObject(address, kind, thread.name());
        }
        ProcessState process = processesByAddress.get(address);
        if (process != null && kind.equals("Process")) {
            return new KernelObject(address, kind, process.title());
        }
        return address == 0 ? KernelObject.NONE : KernelObject.unnamed(address, kind);
    }
}
