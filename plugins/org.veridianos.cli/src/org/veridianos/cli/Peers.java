package org.veridianos.cli;

import java.util.List;
import java.util.Optional;

/**
 * What the operations cost elsewhere, in executed instructions, and the gates that the kernel sets itself. Counted with the same
 * method: seL4 release build with its fast path, Linux 6.1 without mitigations; {@code -1} where there is no count.
 */
enum Peers {
    CALL_REPLY_0("seL4", 423, 406, 538, 317, 304, 403),
    CALL_REPLY_4("seL4", 466, 453, 584, 350, 340, 438),
    CALL_REPLY_10("seL4", 1644, 1390, 1886, 493, 417, 566),
    CALL_REPLY_0_SMP4("seL4, 2 CPUs", 511, 458, 630, 383, 343, 472),
    NULL_SYSCALL("seL4", 100, 91, -1, 70, 65, 90),
    SIGNAL_NO_WAITER("seL4", 402, 343, 451, 201, 171, 225),
    MINT("seL4", 925, 683, 932, 308, 227, 310),
    REVOKE_PER_DESCENDANT("seL4", 280, 226, 339, 140, 113, 170),
    MAP_PAGE("seL4", 770, 551, 736, 385, 275, 368),
    FAULT_ROUND_TRIP("seL4", 1363, 1129, -1, 681, 564, 700),
    ASYNC_PER_MESSAGE_16("", -1, -1, -1, 60, 60, 60),
    FORK_EXIT_WAIT("Linux", 158474, -1, -1, 35000, 35000, 35000),
    ANONYMOUS_FAULT("Linux", 2737, -1, -1, 1100, 1100, 1100),
    FRAME_ALLOC_FREE("", -1, -1, -1, 100, 100, 100),
    SLAB_ALLOC_FREE("", -1, -1, -1, 40, 40, 40),
    GLOBAL_ALLOC_FREE("", -1, -1, -1, 70, 70, 70);

    private static final List<String> ARCHITECTURES = List.of("x86_64", "aarch64", "riscv64");

    private final String who;
    private final int[] counts;

    Peers(String who, int... counts) {
        this.who = who;
        this.counts = counts;
    }

    /** The peer of an operation, if it has one. */
    static Optional<Peers> of(String op) {
        return List.of(values()).stream().filter(p -> p.name().equalsIgnoreCase(op)).findFirst();
    }

    /** Most instructions that the operation is meant to take. */
    int gate(String architecture) {
        return counts[3 + ARCHITECTURES.indexOf(architecture)];
    }

    /** "seL4 423", or nothing. */
    String peer(String architecture) {
        int count = counts[ARCHITECTURES.indexOf(architecture)];
        return count < 0 ? "" : who + " " + count;
    }
}
