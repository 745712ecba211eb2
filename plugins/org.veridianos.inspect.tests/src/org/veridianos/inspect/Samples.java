package org.veridianos.inspect;

import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.veridianos.inspect.image.TypeTable;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.KernelObject;
import org.veridianos.inspect.model.ThreadState;
import org.veridianos.inspect.model.ThreadState.Run;
import org.veridianos.inspect.model.ThreadState.Wait;
import org.veridianos.machine.Architecture;

/** Models made by hand, for tests of what is concluded from them. */
public final class Samples {

    /** Names of rights as the kernel has them. */
    public static final List<String> RIGHTS = List.of("read", "write", "execute", "grant", "derive", "manage");

    private Samples() {
    }

    /** A snapshot with this content. */
    public static Snapshot snapshot(Request request, Snapshot.Content content) {
        SnapshotSource.Machine machine = new SnapshotSource.Machine("test", "test", Architecture.X86_64, Path.of("elf"), "");
        return new Snapshot(machine, request, Instant.EPOCH, 0, new TypeTable(List.of(), List.of(), List.of()), content);
    }

    /** A thread that waits (or runs, if it waits for nothing); its address is its number. */
    public static ThreadState thread(int id, int pid, Wait waiting) {
        return new ThreadState(id, id + 1_000_000L, id, pid, pid, "p" + pid + "/" + id, "Alive", waiting == Wait.NONE ? Run.RUNNING : Run.BLOCKED, "Fair", 0, 0, 0, 0, -1,
                waiting, List.of(), 0, 0, 0, 0, 0, 0, Consistency.OK);
    }

    /** A wait for a thread. */
    public static Wait waitFor(String reason, int server) {
        return new Wait(reason, new KernelObject(0, "", "e"), 0, server, 0, 0, 0);
    }

    /** A wait at an endpoint. */
    public static Wait waitAt(String reason, long endpoint) {
        return new Wait(reason, new KernelObject(endpoint, "Endpoint", "e" + endpoint), endpoint, 0, 0, 0, 0);
    }

    /**
     * Capability spaces from derivations.
     *
     * @param parents the parent of each capability, or -1
     * @param owners  the process of each
     */
    public static List<CapabilitySpace> spaces(int[] parents, int[] owners, long object) {
        int[] firstChild = new int[parents.length];
        int[] next = new int[parents.length];
        Arrays.fill(firstChild, -1);
        Arrays.fill(next, -1);
        int lastRoot = -1;
        for (int i = parents.length - 1; i >= 0; i--) {
            if (parents[i] >= 0) {
                next[i] = firstChild[parents[i]];
                firstChild[parents[i]] = i;
            } else {
                next[i] = lastRoot;
                lastRoot = i;
            }
        }
        Map<Integer, List<Capability>> byOwner = new HashMap<>();
        for (int i = 0; i < parents.length; i++) {
            byOwner.computeIfAbsent(owners[i], k -> new ArrayList<>()).add(new Capability(slot(i), 1L << 24 | i + 1, 1, object, "Memory", 63, 0, "Inherit", 0,
                    slot(parents[i]), slot(firstChild[i]), slot(next[i])));
        }
        List<CapabilitySpace> spaces = new ArrayList<>();
        byOwner.forEach((pid, all) -> spaces.add(space(pid, all)));
        return spaces;
    }

    /** A process's space. */
    public static CapabilitySpace space(int pid, List<Capability> capabilities) {
        return new CapabilitySpace(0x100000L + pid, pid, new KernelObject(pid, "Process", "p" + pid), pid, List.of(), capabilities, 1 << 20, RIGHTS, Consistency.OK);
    }

    /** Address of the slot of capability {@code index}; 0 for -1. */
    public static long slot(int index) {
        return index < 0 ? 0 : 0x1000_0000L + 64L * index;
    }
}
