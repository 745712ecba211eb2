package org.veridianos.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelSymbolsTest {

    private static final long BASE = 0xffff_ffff_8010_0000L;

    @TempDir
    Path folder;

    private static byte[] table() {
        byte[] strings = "\0boot::start\0mm::map\0".getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(64 + 24 + strings.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put("VSYMTAB1".getBytes(StandardCharsets.US_ASCII)).putInt(3).putInt(strings.length).putLong(BASE);
        bytes.position(64);
        bytes.putInt(0x10).putInt(0x40).putInt(0x80).putInt(1).putInt(13).putInt(0).put(strings);
        return bytes.array();
    }

    private static void entry(ByteArrayOutputStream archive, String name, byte[] content) throws IOException {
        String zero = "00000000";
        String header = "070701" + zero.repeat(6) + String.format("%08x", content.length) + zero.repeat(4) + String.format("%08x", name.length() + 1) + zero;
        archive.write((header + name + "\0").getBytes(StandardCharsets.US_ASCII));
        archive.write(new byte[-archive.size() & 3]);
        archive.write(content);
        archive.write(new byte[-archive.size() & 3]);
    }

    private static byte[] initrd() throws IOException {
        ByteArrayOutputStream archive = new ByteArrayOutputStream();
        entry(archive, "init", "an ELF".getBytes(StandardCharsets.UTF_8));
        entry(archive, "symbols", table());
        entry(archive, "TRAILER!!!", new byte[0]);
        return archive.toByteArray();
    }

    private Optional<KernelSymbols> read(byte[] content) throws IOException {
        return KernelSymbols.ofInitrd(Files.write(folder.resolve("initrd"), content));
    }

    @Test
    void addressesGetTheNameOfTheirFunction() throws IOException {
        KernelSymbols symbols = read(initrd()).orElseThrow();
        assertEquals(Optional.empty(), symbols.lookup(BASE));
        assertEquals(Optional.of("boot::start+0x0"), symbols.lookup(BASE + 0x10));
        assertEquals(Optional.of("boot::start+0x2f"), symbols.lookup(BASE + 0x3f));
        assertEquals(Optional.of("mm::map+0x3f"), symbols.lookup(BASE + 0x7f));
        for (long outside : new long[] {BASE + 0x80, BASE - 1, 0, -1, Long.MIN_VALUE}) {
            assertEquals(Optional.empty(), symbols.lookup(outside));
        }
    }

    @Test
    void onlyLinesOfABacktraceWithoutNameAreCompleted() throws IOException {
        KernelSymbols symbols = read(initrd()).orElseThrow();
        assertEquals(Optional.of("   0: 0xffffffff80100040 mm::map+0x0"), symbols.named("   0: 0xffffffff80100040"));
        assertEquals(Optional.of("   1: 0xffffffff80100040 boot::start+0x2f"), symbols.named("   1: 0xffffffff80100040"), "a call before its return address");
        assertEquals(Optional.empty(), symbols.named("   1: 0xffffffff80100040 boot::start+0x2f"));
        assertEquals(Optional.empty(), symbols.named("   1: 0x0000000000100040"));
        assertEquals(Optional.empty(), symbols.named("hello"));
    }

    @Test
    void damagedArchivesNeverCrash() throws IOException {
        assertEquals(Optional.empty(), read(new byte[0]));
        assertEquals(Optional.empty(), read(new byte[200]));
        Random random = new Random(3);
        byte[] whole = initrd();
        for (int round = 0; round < 3000; round++) {
            byte[] damaged = whole.clone();
            for (int i = 0; i < 3; i++) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            read(damaged).ifPresent(symbols -> {
                for (long offset = 0; offset < 0x90; offset += 8) {
                    symbols.lookup(BASE + offset);
                }
            });
        }
    }
}
