/**
 * Machines that QEMU emulates: how they are described, started, watched and ended.
 *
 * <p>{@link org.veridianos.machine.Machine} is a running one, {@link org.veridianos.machine.Sessions} the registry of all
 * running ones of this user, {@link org.veridianos.machine.GuestMemory} their RAM and
 * {@link org.veridianos.machine.MachineState} their registers. Plain Java: no Eclipse import.
 */
package org.veridianos.machine;
