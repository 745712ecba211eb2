package org.veridianos.machine;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * The registers of a machine's CPUs, on demand: from the monitor, a debugger or a dump. Asking stops the CPUs for a moment, so
 * it is never done at refresh rate.
 */
public interface MachineState {

    /**
     * One CPU.
     *
     * @param index     QEMU's number of it
     * @param registers by the architecture's names in lower case ({@code rip}, {@code cr3}, {@code pc}, {@code satp}); those that the
     *                  source does not know are absent
     */
    record Cpu(int index, Map<String, Long> registers) {
        /**
         * What the hardware calls it (APIC id, MPIDR affinity, hart id). On these machines QEMU numbers CPUs by it; the kernel need
         * not: on RISC-V any hart may be the one that boots, and is the kernel's CPU 0 then.
         */
        public long hardwareId() {
            return register("mhartid").orElse(index);
        }

        /** A register's value, if the source knows it. */
        public OptionalLong register(String name) {
            Long value = registers.get(name);
            return value == null ? OptionalLong.empty() : OptionalLong.of(value);
        }
    }

    /** Whether the CPUs run now. */
    boolean isRunning() throws MachineException;

    /** Every CPU with its registers of now. */
    List<Cpu> cpus() throws MachineException;
}
