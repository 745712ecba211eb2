package org.veridianos.inspect.model;

import java.util.List;

/**
 * One CPU and its run queue.
 *
 * @param cpu          number
 * @param hardwareId   APIC id, MPIDR affinity or hart id
 * @param node         NUMA node
 * @param state        name of its state: {@code Off}, {@code Changing}, {@code Online}
 * @param running      address of the thread that has it, 0 when idle
 * @param ready        who is ready, best first
 * @param length       number of ready threads as the kernel counts them
 * @param load         ready or running threads, by which CPUs are balanced
 * @param floor        virtual time that arrivals in the fair class start from
 * @param switches     times another thread was given the CPU
 * @param migrations   threads that came from another CPU
 * @param idleTime     nanoseconds idle
 * @param ticks        timer interrupts
 * @param sleepers     addresses of threads with a deadline here, earliest first
 * @param addressSpace address of the address space in its register, 0 for none
 * @param consistency  whether the queue stood still while it was read
 */
public record RunQueue(int cpu, long hardwareId, int node, String state, long running, List<Ready> ready, int length, int load, long floor, long switches,
        long migrations, long idleTime, long ticks, List<Long> sleepers, long addressSpace, Consistency consistency) {

    /**
     * A ready thread.
     *
     * @param thread its address
     * @param rank   rank under which it stands here
     * @param key    its place in the fair tree; 0 in a list
     */
    public record Ready(long thread, int rank, long key) {
    }

    /** Copies the lists. */
    public RunQueue {
        ready = List.copyOf(ready);
        sleepers = List.copyOf(sleepers);
    }

    /** Whether it has no thread. */
    public boolean isIdle() {
        return running == 0;
    }
}
