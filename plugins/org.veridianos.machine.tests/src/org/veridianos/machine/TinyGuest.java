package org.veridianos.machine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;

/**
 * Guests of a few instructions, assembled here: real machines for tests that need no kernel. RISC-V without firmware, since that
 * starts at the first byte of RAM.
 */
final class TinyGuest {

    static final long RAM = 0x8000_0000L;

    /** Where the counting guest keeps its counter. */
    static final long COUNTER = RAM + 0x1000;

    private static final int T0 = 5;
    private static final int T1 = 6;
    private static final int T2 = 7;
    private static final int T3 = 28;

    private TinyGuest() {
    }

    static Profile profile() throws MachineException {
        return profile("qemu-system-riscv64");
    }

    static Profile profile(String qemu) throws MachineException {
        Properties properties = new Properties();
        properties.putAll(java.util.Map.of("arch", "riscv64", "qemu", qemu, "machine", "virt", "cpu", "rv64", "cpus", "1", "memory", "32M", "bios", "none"));
        return Profile.of("tiny", properties);
    }

    static MachineConfig config(Path kernel) throws MachineException {
        return MachineConfig.of(profile(), kernel, kernel, Optional.empty());
    }

    /** Prints a text and powers off. Like any driver it waits until the serial port takes the next character (line status, bit 5). */
    static Path printing(Path folder, String text) throws IOException {
        return program(folder.resolve("printing.elf"), text, List.of(lui(T0, 0x100), lui(T3, 5), addi(T3, T3, 0x555), sw(T3, T0), jump(0)));
    }

    /** Prints a text and counts in memory until it is ended. The counter is addressed from the program counter, 44 bytes into RAM. */
    static Path counting(Path folder, String text) throws IOException {
        return program(folder.resolve("counting.elf"), text, List.of(1 << 12 | T0 << 7 | 0x17, addi(T0, T0, -44), addi(T3, T3, 1), sd(T3, T0), jump(-8)));
    }

    /** Prints {@code 64 * 1024 * blocks} characters, then the exit line. */
    static Path flooding(Path folder, int blocks) throws IOException {
        // t2 counts down; each round prints one character of a line of 64.
        List<Integer> code = new ArrayList<>(List.of(lui(T2, blocks << 4), lui(T0, 0x10000), addi(T3, 0, 'x'), addi(T1, 0, '\n')));
        code.addAll(List.of(lbu(29, T0, 5), andi(29, 29, 0x20), branchZero(29, -8)));
        code.addAll(List.of(andi(29, T2, 63), branchNotZero(29, 12), sb(T1, T0), jump(8), sb(T3, T0), addi(T2, T2, -1), branchNotZero(T2, -36)));
        return assemble(folder.resolve("flooding.elf"), code, "\nveridian-exit: 3\n", List.of(lui(T0, 0x100), lui(T3, 5), addi(T3, T3, 0x555), sw(T3, T0), jump(0)));
    }

    private static Path program(Path file, String text, List<Integer> after) throws IOException {
        return assemble(file, List.of(), text, after);
    }

    private static Path assemble(Path file, List<Integer> before, String text, List<Integer> after) throws IOException {
        List<Integer> code = new ArrayList<>(before);
        int here = before.size() * 4;
        int message = here + (11 + after.size()) * 4;
        code.addAll(List.of(lui(T0, 0x10000), 0x17 | T1 << 7, addi(T1, T1, message - here - 4), lbu(29, T0, 5), andi(29, 29, 0x20),
                branchZero(29, -8), lbu(T2, T1, 0), branchZero(T2, 16), sb(T2, T0), addi(T1, T1, 1), jump(-28)));
        code.addAll(after);
        byte[] words = text.getBytes(StandardCharsets.UTF_8);
        ByteBuffer content = ByteBuffer.allocate(code.size() * 4 + words.length + 1).order(ByteOrder.LITTLE_ENDIAN);
        code.forEach(content::putInt);
        content.put(words);
        return Files.write(file, elf(243, RAM, content.array()));
    }

    /** An ELF file with one segment that begins at {@code address}. */
    static byte[] elf(int machine, long address, byte[] content) {
        ByteBuffer file = ByteBuffer.allocate(0x1000 + content.length).order(ByteOrder.LITTLE_ENDIAN);
        file.putInt(0x464c457f).put((byte) 2).put((byte) 1).put((byte) 1);
        file.putShort(16, (short) 2).putShort(18, (short) machine).putInt(20, 1).putLong(24, address).putLong(32, 64);
        file.putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) 1).putShort(58, (short) 64);
        file.putInt(64, 1).putInt(68, 7).putLong(72, 0x1000).putLong(80, address).putLong(88, address).putLong(96, content.length)
                .putLong(104, content.length).putLong(112, 0x1000);
        file.position(0x1000).put(content);
        return file.array();
    }

    private static int lui(int to, int upper) {
        return upper << 12 | to << 7 | 0x37;
    }

    private static int addi(int to, int from, int value) {
        return value << 20 | from << 15 | to << 7 | 0x13;
    }

    private static int andi(int to, int from, int value) {
        return value << 20 | from << 15 | 7 << 12 | to << 7 | 0x13;
    }

    private static int lbu(int to, int from, int offset) {
        return offset << 20 | from << 15 | 4 << 12 | to << 7 | 0x03;
    }

    private static int sb(int value, int to) {
        return value << 20 | to << 15 | 0x23;
    }

    private static int sw(int value, int to) {
        return value << 20 | to << 15 | 2 << 12 | 0x23;
    }

    private static int sd(int value, int to) {
        return value << 20 | to << 15 | 3 << 12 | 0x23;
    }

    private static int branchZero(int register, int distance) {
        return branch(register, distance, 0);
    }

    private static int branchNotZero(int register, int distance) {
        return branch(register, distance, 1);
    }

    private static int branch(int register, int distance, int kind) {
        return (distance >> 12 & 1) << 31 | (distance >> 5 & 63) << 25 | register << 15 | kind << 12 | (distance >> 1 & 15) << 8
                | (distance >> 11 & 1) << 7 | 0x63;
    }

    private static int jump(int distance) {
        return (distance >> 20 & 1) << 31 | (distance >> 1 & 1023) << 21 | (distance >> 11 & 1) << 20 | (distance >> 12 & 255) << 12 | 0x6f;
    }
}
