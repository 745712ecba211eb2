/**
 * What a snapshot holds: immutable records of the kernel's objects, without any way back to the guest.
 *
 * <p>Objects are named by their kernel virtual address, which is unique while they live; threads and processes have numbers that
 * are never reused. What could not be read is there with the reason ({@link org.veridianos.inspect.model.Consistency}).
 */
package org.veridianos.inspect.model;
