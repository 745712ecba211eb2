package org.veridianos.inspect.read;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.Field;
import org.veridianos.inspect.image.Root;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.KernelObject;
import org.veridianos.inspect.model.ProcessState;
import org.veridianos.inspect.model.ThreadState;
import org.veridianos.inspect.model.ThreadState.Run;
import org.veridianos.inspect.model.ThreadState.Wait;
import org.veridianos.machine.GuestMemory;

/** Reads every process from the root {@code processes}, and the threads of each. */
final class ThreadReader {

    private final KernelMemory memory;
    private final Fields fields;
    private final Collections collections;
    private final Cancel cancel;
    private final int limit;
    private final List<String> problems;

    final List<ProcessState> processes = new ArrayList<>();
    final List<ThreadState> threads = new ArrayList<>();
    /** Addresses of the capability space and of the process that has it. */
    final Map<Long, ProcessState> bySpace = new HashMap<>();
    private final LongIndex byAddress = new LongIndex(1024);
    DescribedType process;
    DescribedType thread;
    ObjectKinds objects;

    ThreadReader(KernelMemory memory, Fields fields, Collections collections, Cancel cancel, int limit, List<String> problems) {
        this.memory = memory;
        this.fields = fields;
        this.collections = collections;
        this.cancel = cancel;
        this.limit = limit;
        this.problems = problems;
        this.objects = new ObjectKinds(memory, fields, null);
    }

    void read() {
        Optional<Root> root = fields.root("processes");
        Optional<DescribedType> tree = root.flatMap(r -> fields.target(r.data()));
        Optional<Field> first = tree.flatMap(t -> fields.collection(t, "first", "all"));
        process = first.flatMap(fields::target).orElse(null);
        if (process == null) {
            return;
        }
        objects = new ObjectKinds(memory, fields, fields.field(process, "object").flatMap(fields::target).orElse(null));
        Collections.Elements all = walk(tree.get(), first.get().shifted(root.get().data().offset()), root.get().address(), "the list of processes");
        ProcessFields accesses = new ProcessFields();
        thread = accesses.threads == null ? null : fields.target(accesses.threads).orElse(null);
        List<long[]> members = new ArrayList<>();
        for (long address : all.addresses()) {
            cancel.check();
            try {
                members.add(readProcess(accesses, address));
            } catch (Unreadable unreadable) {
                members.add(new long[0]);
                processes.add(new ProcessState(address, 0, "?", "?", 0, 0, List.of(), 0, 0, Consistency.broken(unreadable.getMessage())));
            }
        }
        fixParents(accesses);
        processes.forEach(objects::name);
        if (thread != null) {
            readThreads(members);
        }
        processes.sort(Comparator.comparingInt(ProcessState::pid));
        threads.sort(Comparator.comparingInt(ThreadState::id));
    }

    /** A list that other CPUs change is walked until two walks agree. */
    private Collections.Elements walk(DescribedType owner, Field field, long address, String what) {
        Collections.Elements elements = collections.walk(owner, field, address, limit);
        for (int i = 1; i < Span.TRIES && elements.problem() != null; i++) {
            elements = collections.walk(owner, field, address, limit);
        }
        if (elements.problem() != null) {
            problems.add(what + ": " + elements.problem());
        }
        return elements;
    }

    private final class ProcessFields {
        final Access pid = fields.access(process, "pid");
        final Access name = fields.access(process, "name");
        final Access life = fields.access(process, "life");
        final Access status = fields.access(process, "status");
        final Access parent = fields.access(process, "kin.parent");
        final Access space = fields.access(process, "space");
        final Access memoryObject = fields.access(process, "memory");
        final Access count = fields.optional(process, "members.count");
        final Field threads = fields.collection(process, "members.threads").orElse(null);
        final Field spacePointer = memoryObject.exists()
                ? fields.target(memoryObject.field()).flatMap(t -> fields.field(t, "space")).orElse(null)
                : null;
        final Span span = new Span(pid, name, life, status, parent, space, memoryObject, count);
        final byte[] first = new byte[span.length()];
        final byte[] second = new byte[span.length()];
        final Map<Integer, Long> parents = new HashMap<>();
    }

    private long[] readProcess(ProcessFields f, long address) throws Unreadable {
        Consistency consistency = f.span.read(memory, address, f.first, f.second);
        int base = f.span.base();
        Collections.Elements members = new Collections.Elements(new long[0], null, null);
        if (f.threads != null) {
            members = collections.walk(process, f.threads, address, limit);
            for (int i = 1; i < Span.TRIES && (members.problem() != null || members.addresses().length < f.count.get(f.first, base)); i++) {
                f.span.read(memory, address, f.first, f.second);
                members = collections.walk(process, f.threads, address, limit);
            }
            if (members.problem() != null) {
                consistency = consistency.and(Consistency.broken("its threads: " + members.problem()));
            }
        }
        long object = f.memoryObject.get(f.first, base);
        long addressSpace = 0;
        if (object != 0 && f.spacePointer != null) {
            try {
                addressSpace = memory.readLong(object + f.spacePointer.offset());
            } catch (Unreadable unreadable) {
                consistency = consistency.and(Consistency.broken("its address space: " + unreadable.getMessage()));
            }
        }
        ProcessState state = new ProcessState(address, (int) f.pid.get(f.first, base), f.name.text(f.first, base), f.life.name(f.first, base),
                (int) f.status.get(f.first, base), 0, KernelMemory.boxed(members.addresses()), f.space.get(f.first, base), addressSpace, consistency);
        f.parents.put(processes.size(), f.parent.get(f.first, base));
        processes.add(state);
        if (state.space() != 0) {
            bySpace.put(state.space(), state);
        }
        return members.addresses();
    }

    private void fixParents(ProcessFields f) {
        Map<Long, Integer> numbers = new HashMap<>();
        processes.forEach(p -> numbers.put(p.address(), p.pid()));
        f.parents.forEach((index, parent) -> {
            ProcessState p = processes.get(index);
            processes.set(index, new ProcessState(p.address(), p.pid(), p.name(), p.life(), p.status(), numbers.getOrDefault(parent, 0), p.threads(), p.space(),
                    p.addressSpace(), p.consistency()));
        });
    }

    private void readThreads(List<long[]> members) {
        ThreadFields f = new ThreadFields();
        int total = 0;
        for (int i = 0; i < members.size(); i++) {
            for (long address : members.get(i)) {
                if (++total > limit) {
                    problems.add("more than " + limit + " threads; the rest is not read");
                    return;
                }
                if ((total & 63) == 0) {
                    cancel.check();
                }
                ThreadState state;
                try {
                    state = readThread(f, address, processes.get(i));
                } catch (Unreadable unreadable) {
                    state = new ThreadState(address, address + f.header, 0, processes.get(i).address(), processes.get(i).pid(), processes.get(i).name() + "/?", "?", Run.CHANGING, "?", 0, 0,
                            0, -1, 0, Wait.NONE, List.of(), 0, 0, 0, 0, 0, 0, Consistency.broken(unreadable.getMessage()));
                }
                objects.name(state.object(), "Thread", state.name());
                threads.add(state);
            }
        }
        nameObjects(f);
        confirm(f);
        chains();
    }

    private final class ThreadFields {
        final Access id = fields.access(thread, "id");
        final Access state = fields.access(thread, "state");
        final Access memorySpace = fields.access(thread, "memory");
        final Access reason = fields.access(thread, "wait.reason");
        final Access object = fields.access(thread, "wait.object");
        final Access server = fields.access(thread, "wait.server");
        final Access slot = fields.access(thread, "wait.via.slot");
        final Access generation = fields.access(thread, "wait.via.generation");
        final Access schedulingClass = fields.access(thread, "task.class");
        final Access level = fields.access(thread, "task.level");
        final Access rank = fields.access(thread, "task.effective_rank");
        final Access baseRank = fields.access(thread, "task.base_rank");
        final Access queue = fields.access(thread, "task.queue");
        final Access onCpu = fields.access(thread, "task.on_cpu");
        final Access lastCpu = fields.access(thread, "task.last_cpu");
        final Access affinity = fields.access(thread, "task.affinity");
        final Access virtualTime = fields.access(thread, "task.virtual_time");
        final Access runTime = fields.access(thread, "task.metrics.run_time");
        final Access waitTime = fields.access(thread, "task.metrics.wait_time");
        final Access switches = fields.access(thread, "task.metrics.switches");
        final Access migrations = fields.access(thread, "task.metrics.migrations");
        final Access timer = fields.access(thread, "timer.key");
        final Access timerCpu = fields.access(thread, "timer_cpu");
        final Field rootRegister = memorySpace.exists()
                ? fields.target(memorySpace.field()).flatMap(t -> fields.field(t, "tlb.root_register")).orElse(null)
                : null;
        final int header = fields.field(thread, "object").map(Field::offset).orElse(0);
        final Span span = new Span(id, state, memorySpace, reason, object, server, slot, generation, schedulingClass, level, rank, baseRank, queue, onCpu, lastCpu,
                affinity, virtualTime, runTime, waitTime, switches, migrations, timer, timerCpu);
        final byte[] first = new byte[span.length()];
        final byte[] second = new byte[span.length()];
    }

    private ThreadState readThread(ThreadFields f, long address, ProcessState owner) throws Unreadable {
        Consistency consistency = f.span.read(memory, address, f.first, f.second);
        byte[] b = f.first;
        int base = f.span.base();
        int id = (int) f.id.get(b, base);
        String life = f.state.name(b, base);
        long reason = f.reason.get(b, base);
        int queue = (int) f.queue.get(b, base);
        int onCpu = (int) f.onCpu.get(b, base);
        Run run;
        if (life.equals("New")) {
            run = Run.NEW;
        } else if (life.equals("Dead")) {
            run = Run.DEAD;
        } else if (reason != 0) {
            run = Run.BLOCKED;
        } else if (f.queue.exists() && queue >= 0) {
            run = Run.READY;
        } else if (f.onCpu.exists() && onCpu >= 0) {
            run = Run.RUNNING;
        } else {
            run = Run.CHANGING;
        }
        String schedulingClass = f.schedulingClass.name(b, base);
        int level = (int) f.level.get(b, base);
        if (schedulingClass.equals("Fair")) {
            level = (byte) level;
        }
        Wait wait = reason == 0 ? Wait.NONE
                : new Wait(f.reason.name(b, base), KernelObject.NONE, f.object.get(b, base), f.server.get(b, base), f.slot.get(b, base), f.generation.get(b, base),
                        f.timerCpu.exists() && (int) f.timerCpu.get(b, base) >= 0 ? f.timer.get(b, base) : 0);
        int cpu = run == Run.READY ? queue : onCpu >= 0 ? onCpu : (int) f.lastCpu.get(b, base);
        return new ThreadState(address, address + f.header, id, owner.address(), owner.pid(), owner.name() + "/" + id, life, run, schedulingClass, level, (int) f.rank.get(b, base),
                (int) f.baseRank.get(b, base), cpu, f.affinity.get(b, base), wait, List.of(), f.virtualTime.get(b, base), f.runTime.get(b, base),
                f.waitTime.get(b, base), f.switches.get(b, base), f.migrations.get(b, base), f.memorySpace.get(b, base), consistency);
    }

    /** Objects and owners get their names after every thread and process has one. */
    private void nameObjects(ThreadFields f) {
        for (int i = 0; i < threads.size(); i++) {
            byAddress.put(threads.get(i).address(), i);
            byAddress.put(threads.get(i).object(), i);
        }
        Map<Long, Long> numbers = new HashMap<>();
        Map<Long, ThreadState> byNumber = new HashMap<>();
        threads.forEach(t -> {
            numbers.put((long) t.pid() << 32 | t.id(), t.address());
            byNumber.put((long) t.id(), t);
        });
        Map<Long, ProcessState> byPid = new HashMap<>();
        processes.forEach(p -> byPid.put((long) p.pid(), p));
        for (int i = 0; i < threads.size(); i++) {
            ThreadState t = threads.get(i);
            Wait w = t.waiting();
            boolean mutex = w.reason().equals("Mutex");
            if (w.argument() != 0 && (mutex || namesObject(w.reason()))) {
                long server = mutex ? numbers.getOrDefault((long) t.pid() << 32 | mutexOwner(f, t), 0L) : w.server();
                KernelObject object = switch (w.reason()) {
                    case "Mutex" -> KernelObject.NONE;
                    case "Join" -> named("Thread", byNumber.get(w.argument()), w.argument());
                    case "Exit" -> named("Process", byPid.get(w.argument()), w.argument());
                    default -> objects.at(w.argument());
                };
                Wait named = new Wait(w.reason(), object, w.argument(), server, w.viaSlot(), w.viaGeneration(),
                        w.deadline());
                threads.set(i, new ThreadState(t.address(), t.object(), t.id(), t.process(), t.pid(), t.name(), t.life(), t.run(), t.schedulingClass(), t.level(), t.rank(),
                        t.baseRank(), t.cpu(), t.affinity(), named, t.chain(), t.virtualTime(), t.runTime(), t.waitTime(), t.switches(), t.migrations(),
                        t.addressSpace(), t.consistency()));
            }
        }
    }

    /**
     * Looks again at everybody who waits for a certain other one: waits that were read one after another may never have been at once,
     * and a circle of such would be no deadlock. Those that still hold, after all were read, did hold together.
     */
    private void confirm(ThreadFields f) {
        for (int i = 0; i < threads.size(); i++) {
            ThreadState t = threads.get(i);
            boolean waitsForOne = switch (t.waiting().reason()) {
                case "Reply", "Fault", "Mutex", "Join", "Call", "Send" -> true;
                default -> false;
            };
            if (waitsForOne && t.consistency().consistent() && !stillWaits(f, t)) {
                threads.set(i, t.with(Consistency.broken("it went on while the other threads were read")));
            }
        }
    }

    private boolean stillWaits(ThreadFields f, ThreadState t) {
        try {
            f.span.read(memory, t.address(), f.first, f.second);
        } catch (Unreadable gone) {
            return false;
        }
        int base = f.span.base();
        boolean same = f.switches.get(f.first, base) == t.switches() && f.object.get(f.first, base) == t.waiting().argument()
                && f.reason.name(f.first, base).equals(t.waiting().reason());
        return same && (t.waiting().reason().equals("Mutex") ? mutexOwner(f, t) == owner(t) : f.server.get(f.first, base) == t.waiting().server());
    }

    /** Number of the thread that holds the mutex as it was read; 0 for none. */
    private long owner(ThreadState waiter) {
        int at = waiter.waiting().server() == 0 ? -1 : byAddress.get(waiter.waiting().server());
        return at < 0 ? 0 : threads.get(at).id();
    }

    /** A thread that is joined and a process whose end is awaited are named by their numbers. */
    private KernelObject named(String kind, Record found, long number) {
        return switch (found) {
            case ThreadState t -> new KernelObject(t.object(), kind, t.name());
            case ProcessState p -> new KernelObject(p.address(), kind, p.title());
            case null, default -> new KernelObject(0, kind, Long.toUnsignedString(number));
        };
    }

    /** The thread number in a mutex word of user memory, whose uppermost bit says that there are waiters; 0 when it cannot be read. */
    private long mutexOwner(ThreadFields f, ThreadState waiter) {
        if (f.rootRegister == null) {
            return 0;
        }
        try {
            long table = memory.format().table(memory.readLong(waiter.addressSpace() + f.rootRegister.offset()));
            int owner = memory.physicalMemory().readInt(memory.translate(table, waiter.waiting().argument())) & 0x7fff_ffff;
            // Unlocking hands the word to the first waiter before it wakes it: such a one waits no more.
            return owner == waiter.id() ? 0 : owner;
        } catch (Unreadable | GuestMemory.OutOfRam unreadable) {
            return 0;
        }
    }

    /** Futexes and mutexes are user addresses, sleeps and limits are points in time. */
    private static boolean namesObject(String reason) {
        return switch (reason) {
            case "Futex", "Mutex", "Sleep", "Limit", "Console" -> false;
            default -> true;
        };
    }

    /** Who waits for whose answer, as far as the kernel itself says: a caller for its server. */
    private void chains() {
        for (int i = 0; i < threads.size(); i++) {
            List<Long> chain = new ArrayList<>();
            int at = i;
            while (chain.size() < threads.size()) {
                int next = byAddress.get(target(threads.get(at)));
                if (next < 0) {
                    break;
                }
                long address = threads.get(next).address();
                boolean seen = chain.contains(address) || next == i;
                chain.add(address);
                if (seen || chain.size() >= 64) {
                    break;
                }
                at = next;
            }
            if (!chain.isEmpty()) {
                threads.set(i, threads.get(i).withChain(chain));
            }
        }
    }

    private static long target(ThreadState thread) {
        Wait wait = thread.consistency().consistent() ? thread.waiting() : Wait.NONE;
        return switch (wait.reason()) {
            case "Reply", "Fault", "Mutex" -> wait.server();
            case "Join" -> wait.object().kind().equals("Thread") ? wait.object().address() : 0;
            default -> 0;
        };
    }
}
