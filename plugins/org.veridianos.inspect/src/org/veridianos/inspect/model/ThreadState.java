package org.veridianos.inspect.model;

import java.util.List;

/**
 * A thread.
 *
 * @param address       of its record, by which other records name it
 * @param object        address of its object header, by which capabilities name it
 * @param id            number, never reused
 * @param process       address of its process, or 0 once it has left it
 * @param pid           number of its process, or 0
 * @param name          {@code process/id}
 * @param life          name of its place in life: {@code New}, {@code Alive}, {@code Dead}
 * @param run           what it does
 * @param schedulingClass name of its class: {@code Fixed}, {@code RoundRobin}, {@code Fair}
 * @param level         priority of a fixed one (0 to 255), nice value of a fair one (-20 to 19)
 * @param rank          rank it is scheduled by, which waiters may have lent
 * @param baseRank      rank of its own
 * @param cpu           CPU it runs on, stands in the queue of, or ran on last
 * @param affinity      CPUs it may run on, one bit each
 * @param waiting       what it waits for
 * @param chain         addresses of the threads that it waits for, one after another; ends where one runs, or where it begins again
 * @param virtualTime   weighted run time in nanoseconds: the order of the fair queue
 * @param runTime       CPU time in nanoseconds
 * @param waitTime      nanoseconds ready, but not running
 * @param switches      times it was given a CPU
 * @param migrations    times it changed CPUs
 * @param addressSpace  address of its address space
 * @param consistency   whether it stood still while it was read
 */
public record ThreadState(long address, long object, int id, long process, int pid, String name, String life, Run run, String schedulingClass, int level, int rank,
        int baseRank, int cpu, long affinity, Wait waiting, List<Long> chain, long virtualTime, long runTime, long waitTime, long switches, long migrations,
        long addressSpace, Consistency consistency) {

    /** What a thread does. */
    public enum Run {
        /** It was never started. */
        NEW,
        /** It has a CPU. */
        RUNNING,
        /** It stands in a run queue. */
        READY,
        /** It waits. */
        BLOCKED,
        /** It has ended. */
        DEAD,
        /** It is on its way from one to another. */
        CHANGING
    }

    /**
     * What a thread waits for.
     *
     * @param reason     name of the reason, such as {@code Receive}; {@code None}
     * @param object     the kernel object, or {@link KernelObject#NONE}
     * @param argument   the user address, deadline or kernel address that it waits with
     * @param server     address of the thread that took its call and is to answer, or that holds the mutex; 0 for nobody
     * @param viaSlot    address of the slot of the capability it blocked through; when that dies, so does the wait; 0 for none
     * @param viaGeneration generation of that capability
     * @param deadline   nanoseconds of the kernel's clock when it gives up; 0 for never
     */
    public record Wait(String reason, KernelObject object, long argument, long server, long viaSlot, long viaGeneration, long deadline) {

        /** Not waiting. */
        public static final Wait NONE = new Wait("None", KernelObject.NONE, 0, 0, 0, 0, 0);

        /** In words: {@code receive on Endpoint 4f1c0}; empty when it does not wait. */
        public String text() {
            return switch (reason) {
                case "None" -> "";
                case "Send" -> "send to " + object.name();
                case "Call" -> "call to " + object.name() + ", not taken yet";
                case "Receive" -> "receive on " + object.name();
                case "Reply" -> "reply on " + object.name();
                case "Notification" -> "signal of " + object.name();
                case "Channel" -> "message in " + object.name();
                case "Futex" -> "change of the word at 0x" + Long.toHexString(argument);
                case "Mutex" -> "mutex at 0x" + Long.toHexString(argument);
                case "Sleep" -> "sleep";
                case "Join" -> "end of thread " + object.name();
                case "Exit" -> "end of " + (object.name().isEmpty() ? "a child" : "process " + object.name());
                case "Console" -> "console input";
                case "Fault" -> "answer to its fault";
                case "Limit" -> "its rate limit";
                default -> reason + (object.address() == 0 ? "" : " " + object.name());
            };
        }
    }

    /** Copies the list. */
    public ThreadState {
        chain = List.copyOf(chain);
    }

    /** {@code Fixed 12}, {@code RoundRobin}, {@code Fair +3}. */
    public String classText() {
        return switch (schedulingClass) {
            case "Fixed" -> "Fixed " + level;
            case "Fair" -> level == 0 ? "Fair" : String.format("Fair %+d", level);
            default -> schedulingClass;
        };
    }

    /** The same, relied on as {@code other} says. */
    public ThreadState with(Consistency other) {
        return new ThreadState(address, object, id, process, pid, name, life, run, schedulingClass, level, rank, baseRank, cpu, affinity, waiting, chain, virtualTime,
                runTime, waitTime, switches, migrations, addressSpace, other);
    }

    /** The same with the threads that it waits for. */
    public ThreadState withChain(List<Long> other) {
        return new ThreadState(address, object, id, process, pid, name, life, run, schedulingClass, level, rank, baseRank, cpu, affinity, waiting, other, virtualTime, runTime,
                waitTime, switches, migrations, addressSpace, consistency);
    }
}
