package org.veridianos.machine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.veridianos.machine.GuestMemory.OutOfRam;
import org.veridianos.machine.SegmentedMemory.Segment;

class GuestMemoryTest {

    private static final long GIB = 1L << 30;

    @TempDir
    Path folder;

    private Path file(String name, byte[] content) throws IOException {
        return Files.write(folder.resolve(name), content);
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(42).nextBytes(bytes);
        return bytes;
    }

    @Test
    void everyWidthIsReadAtEveryAlignment() throws Exception {
        byte[] content = random(4096);
        ByteBuffer expected = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        try (GuestMemory memory = SegmentedMemory.map(List.of(new Segment(file("ram", content), 0, GIB, 4096)))) {
            for (int at = 0; at <= 4088; at++) {
                assertEquals(expected.get(at), memory.readByte(GIB + at));
                assertEquals(expected.getShort(at), memory.readShort(GIB + at));
                assertEquals(expected.getInt(at), memory.readInt(GIB + at));
                assertEquals(expected.getLong(at), memory.readLong(GIB + at));
            }
        }
    }

    @Test
    void blocksAndWordsCrossTheBordersOfFiles() throws Exception {
        byte[] content = random(8192);
        Path low = file("low", java.util.Arrays.copyOf(content, 4096));
        Path high = file("high", java.util.Arrays.copyOfRange(content, 4096, 8192));
        try (GuestMemory memory = SegmentedMemory.map(List.of(new Segment(high, 0, 4096, 4096), new Segment(low, 0, 0, 4096)))) {
            assertEquals(List.of(new GuestMemory.Range(0, 8192)), memory.ranges());
            assertArrayEquals(content, memory.read(0, 8192));
            assertEquals(ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getLong(4091), memory.readLong(4091));
        }
    }

    @Test
    void holesAndEndsAreOutOfRam() throws Exception {
        Path file = file("ram", random(8192));
        try (GuestMemory memory = SegmentedMemory.map(List.of(new Segment(file, 0, 0x1000, 4096), new Segment(file, 4096, 0x4000, 4096)))) {
            for (long outside : new long[] {0, 0xfff, 0x2000, 0x3fff, 0x5000, -1, Long.MIN_VALUE, Long.MAX_VALUE}) {
                assertEquals(outside, assertThrows(OutOfRam.class, () -> memory.readByte(outside)).address());
            }
            assertThrows(OutOfRam.class, () -> memory.readLong(0x1ffc));
            assertThrows(OutOfRam.class, () -> memory.read(0x1000, new byte[4097], 0, 4097));
            assertTrue(memory.contains(0x1000, 4096));
            assertFalse(memory.contains(0x1000, 4097));
            assertFalse(memory.contains(0x1000, Long.MAX_VALUE));
            assertFalse(memory.contains(0x1000, -1));
            assertFalse(memory.contains(-8, 16));
        }
    }

    @Test
    void moreThanOneWindowIsSeamless() throws Exception {
        Path large = folder.resolve("large");
        try (RandomAccessFile sparse = new RandomAccessFile(large.toFile(), "rw")) {
            sparse.setLength(2 * GIB + 4096);
            sparse.seek(GIB - 4);
            sparse.write(new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
            sparse.seek(2 * GIB);
            sparse.write(9);
        }
        try (GuestMemory memory = SegmentedMemory.map(List.of(new Segment(large, 0, 2 * GIB, 2 * GIB + 4096)))) {
            assertEquals(0x0807060504030201L, memory.readLong(3 * GIB - 4));
            assertEquals(9, memory.readByte(4 * GIB));
            assertEquals(List.of(new GuestMemory.Range(2 * GIB, 2 * GIB + 4096)), memory.ranges());
        }
    }

    @Test
    void aFileThatIsTooShortOrOverlapsIsRefused() throws Exception {
        Path file = file("ram", random(4096));
        assertThrows(IOException.class, () -> SegmentedMemory.map(List.of(new Segment(file, 0, 0, 4097))));
        assertThrows(IOException.class, () -> SegmentedMemory.map(List.of(new Segment(file, Long.MAX_VALUE, 0, 1))));
        assertThrows(IOException.class, () -> SegmentedMemory.map(List.of(new Segment(file, 0, 0, 4096), new Segment(file, 0, 4095, 1))));
    }

    @Test
    void closedMemoryIsOutOfRam() throws Exception {
        GuestMemory memory = SegmentedMemory.map(List.of(new Segment(file("ram", random(4096)), 0, 0, 4096)));
        memory.close();
        assertThrows(OutOfRam.class, () -> memory.readLong(0));
    }

    @Test
    void whatIsNoDumpIsRefused() throws Exception {
        for (byte[] content : List.of(new byte[0], new byte[64], TinyGuest.elf(243, 0, new byte[8]))) {
            Path file = file("dump", content);
            assertThrows(IOException.class, () -> SegmentedMemory.ofDump(file));
        }
    }

    @Test
    void aDamagedElfFileIsRefusedOrReadButNeverCrashes() throws Exception {
        byte[] whole = TinyGuest.elf(243, TinyGuest.RAM, random(64));
        Random random = new Random(7);
        for (int round = 0; round < 3000; round++) {
            byte[] damaged = whole.clone();
            for (int i = 0; i < 4; i++) {
                damaged[random.nextInt(128)] = (byte) random.nextInt();
            }
            Path file = file("damaged", damaged);
            try {
                ElfFile elf = ElfFile.read(file);
                elf.symbol("none");
                elf.function(TinyGuest.RAM);
                elf.physical(TinyGuest.RAM);
                elf.loadedSize();
            } catch (IOException refused) {
                assertTrue(refused.getMessage().startsWith(file.toString()), refused.getMessage());
            }
        }
    }
}
