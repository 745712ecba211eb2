package org.veridianos.build;

import java.nio.file.Path;
import java.util.Optional;

/**
 * One bootable kernel, as {@code cargo xtask build} announces it.
 *
 * @param target  architecture
 * @param profile {@code dev} or {@code release}
 * @param elf     the ELF with symbols, for debuggers
 * @param boot    what QEMU's {@code -kernel} gets
 * @param initrd  what QEMU's {@code -initrd} gets
 * @param buildId the build id that is also inside the ELF
 * @param test    the name of the test program for a test kernel
 */
public record Image(Target target, String profile, Path elf, Path boot, Optional<Path> initrd, String buildId, Optional<String> test) {
}
