package org.veridianos.build;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** An architecture the kernel is built for, with the Rust targets its kernel and its user programs need. */
public enum Target {
    X86_64("x86_64", "x86_64-unknown-none", "x86_64-unknown-linux-gnu"),
    AARCH64("aarch64", "aarch64-unknown-none-softfloat", "aarch64-unknown-none"),
    RISCV64("riscv64", "riscv64imac-unknown-none-elf", "riscv64gc-unknown-none-elf");

    private final String id;
    private final String kernelTriple;
    private final String userTriple;

    Target(String id, String kernelTriple, String userTriple) {
        this.id = id;
        this.kernelTriple = kernelTriple;
        this.userTriple = userTriple;
    }

    /** The name used on command lines, in folder names and in {@code image.json}. */
    public String id() {
        return id;
    }

    /** The Rust target of the kernel: no floating point. */
    public String kernelTriple() {
        return kernelTriple;
    }

    /** The Rust target of user programs: hardware floating point. */
    public String userTriple() {
        return userTriple;
    }

    /** Every Rust target a toolchain must have to build for all architectures. */
    public static List<String> allTriples() {
        return Arrays.stream(values()).flatMap(t -> List.of(t.kernelTriple, t.userTriple).stream()).distinct().toList();
    }

    /** All ids, as an error message lists them. */
    public static String ids() {
        return Arrays.stream(values()).map(Target::id).collect(Collectors.joining(", "));
    }

    /**
     * The target called {@code id}.
     *
     * @throws IllegalArgumentException with a message for the user
     */
    public static Target of(String id) {
        for (Target target : values()) {
            if (target.id.equals(id)) {
                return target;
            }
        }
        throw new IllegalArgumentException("unknown architecture '" + id + "': use one of " + ids());
    }
}
