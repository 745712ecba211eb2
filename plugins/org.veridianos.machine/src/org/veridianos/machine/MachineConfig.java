package org.veridianos.machine;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * One machine to start: a profile, the kernel, and what the user wants different.
 *
 * @param profile    the kind of machine
 * @param elf        the kernel with symbols, for debugger and views
 * @param boot       what {@code -kernel} gets
 * @param initrd     what {@code -initrd} gets
 * @param cpus       CPUs
 * @param memory     RAM in bytes
 * @param nodes      NUMA nodes; RAM and CPUs are divided evenly
 * @param kernelArgs the kernel's command line, after the profile's words
 * @param extraArgs  more words for QEMU, after everything else
 * @param counting   deterministic instruction counting ({@code -icount shift=0,sleep=off})
 */
public record MachineConfig(Profile profile, Path elf, Path boot, Optional<Path> initrd, int cpus, long memory, int nodes, String kernelArgs,
        List<String> extraArgs, boolean counting) {

    /** The largest number of CPUs the kernel serves. */
    public static final int MAX_CPUS = 16;

    /** Copies the list. */
    public MachineConfig {
        extraArgs = List.copyOf(extraArgs);
    }

    /** A machine as the profile describes it. */
    public static MachineConfig of(Profile profile, Path elf, Path boot, Optional<Path> initrd) {
        return new MachineConfig(profile, elf, boot, initrd, profile.cpus(), profile.memory(), 1, "", List.of(), false);
    }

    /** The same with another number of CPUs. */
    public MachineConfig withCpus(int count) {
        return new MachineConfig(profile, elf, boot, initrd, count, memory, nodes, kernelArgs, extraArgs, counting);
    }

    /** The same with other RAM. */
    public MachineConfig withMemory(long bytes) {
        return new MachineConfig(profile, elf, boot, initrd, cpus, bytes, nodes, kernelArgs, extraArgs, counting);
    }

    /** The same with another number of NUMA nodes. */
    public MachineConfig withNodes(int count) {
        return new MachineConfig(profile, elf, boot, initrd, cpus, memory, count, kernelArgs, extraArgs, counting);
    }

    /** The same with another kernel command line. */
    public MachineConfig withKernelArgs(String args) {
        return new MachineConfig(profile, elf, boot, initrd, cpus, memory, nodes, args, extraArgs, counting);
    }

    /** The same with more words for QEMU. */
    public MachineConfig withExtraArgs(List<String> words) {
        return new MachineConfig(profile, elf, boot, initrd, cpus, memory, nodes, kernelArgs, words, counting);
    }

    /** The same with or without deterministic counting. */
    public MachineConfig withCounting(boolean on) {
        return new MachineConfig(profile, elf, boot, initrd, cpus, memory, nodes, kernelArgs, extraArgs, on);
    }

    /** The whole kernel command line. */
    public String commandLine() {
        return (profile.kernelArgs() + " " + kernelArgs).strip();
    }

    /** Refuses what cannot work, before anything is started. */
    void check() throws MachineException {
        if (cpus < 1 || cpus > MAX_CPUS) {
            throw new MachineException(cpus + " CPUs: the kernel serves 1 to " + MAX_CPUS);
        }
        if (nodes < 1 || nodes > cpus) {
            throw new MachineException(nodes + " NUMA nodes need at least as many CPUs; this machine has " + cpus);
        }
        KernelFile.check(this);
    }
}
