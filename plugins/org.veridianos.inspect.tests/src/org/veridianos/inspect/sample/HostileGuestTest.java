package org.veridianos.inspect.sample;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.InspectException;
import org.veridianos.inspect.MemorySource;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.AuthorityQuery;
import org.veridianos.inspect.analysis.DerivationGraph;
import org.veridianos.inspect.analysis.PageFindings;
import org.veridianos.inspect.analysis.RevocationPreview;
import org.veridianos.inspect.analysis.WaitForGraph;
import org.veridianos.inspect.image.DescribedType;
import org.veridianos.inspect.image.KernelImage;
import org.veridianos.inspect.json.SnapshotJson;
import org.veridianos.inspect.model.PageTable.Half;
import org.veridianos.inspect.read.KernelMemory;
import org.veridianos.inspect.read.SnapshotReader;
import org.veridianos.machine.ElfFile;

/**
 * A guest that lies: random bits, giant counts, circles and wild pointers in its data and in its description. No snapshot may hang,
 * fail, or grow without bound. The seed is printed; 20,000 corruptions, a million with {@code --soak}.
 */
class HostileGuestTest {

    private static final boolean SOAK = System.getenv("VERIDIAN_SOAK") != null && !System.getenv("VERIDIAN_SOAK").isEmpty();
    private static final int CORRUPTIONS = SOAK ? 1_000_000 : 20_000;
    private static final SyntheticKernel.Size TINY = new SyntheticKernel.Size(4, 3, 40, 5, 20);
    private static final long[] WILD = {0, 1, -1, Long.MAX_VALUE, Long.MIN_VALUE, 0xffff_8000_0000_0000L, 0xffff_ffff_8040_0000L, 0x7fff_ffff_f000L, 1L << 40, 4096};

    private static final Request EVERYTHING = new Request(EnumSet.allOf(Part.class), Set.of(), Set.of(), 3, 3000);

    /** Where the data of the kernel lies, physically. */
    private record Area(long start, long length) {
    }

    @Test
    void corruptedDataNeverBreaksTheReader() throws Exception {
        long seed = SOAK ? System.nanoTime() : 2026;
        System.out.println("hostile guest: " + CORRUPTIONS + " corruptions, seed " + seed);
        Random random = new Random(seed);
        SyntheticKernel kernel = SyntheticKernel.of(TINY);
        long roots = ImageWriter.DATA_PHYSICAL;
        long rootsLength = kernel.image().elf().segments().get(1).memorySize();
        List<Area> areas = List.of(new Area(roots, rootsLength), new Area(0x100_0000, 64 << 10));
        int told = 0;
        for (int done = 0; done < CORRUPTIONS;) {
            int now = 1 + random.nextInt(8);
            long[] at = new long[now];
            long[] before = new long[now];
            for (int i = 0; i < now; i++) {
                Area area = areas.get(random.nextInt(areas.size()));
                at[i] = area.start + random.nextLong(area.length / 8) * 8;
                before[i] = kernel.memory().readLong(at[i]);
                kernel.memory().write(at[i], lie(random, before[i], areas), 8);
            }
            String words = Arrays.toString(at) + ", seed " + seed + ", corruption " + done;
            try {
                told += look(kernel, random, words);
            } finally {
                for (int i = now - 1; i >= 0; i--) {
                    kernel.memory().write(at[i], before[i], 8);
                }
            }
            done += now;
        }
        assertTrue(told > CORRUPTIONS / 100, "only " + told + " of the lies were noticed");
    }

    private static long lie(Random random, long before, List<Area> areas) {
        return switch (random.nextInt(6)) {
            case 0 -> before ^ 1L << random.nextInt(64);
            case 1 -> random.nextLong();
            case 2 -> WILD[random.nextInt(WILD.length)];
            case 3 -> SyntheticKernel.DIRECT + 0x100_0000 + random.nextLong(64 << 10);
            case 4 -> SyntheticKernel.DIRECT + 0x100_0000 + random.nextLong(8 << 10) * 8;
            default -> before + random.nextInt(-64, 64);
        };
    }

    /** Takes a snapshot of everything and draws every conclusion; whether it says that something is wrong. */
    private static int look(SyntheticKernel kernel, Random random, String words) throws Exception {
        long deadline = System.nanoTime() + 20_000_000_000L;
        Cancel late = () -> System.nanoTime() > deadline;
        Snapshot s;
        try {
            s = kernel.source().take(EVERYTHING, late);
            DerivationGraph graph = new DerivationGraph(s.capabilitySpaces());
            if (!graph.nodes().isEmpty()) {
                DerivationGraph.Node node = graph.nodes().get(random.nextInt(graph.nodes().size()));
                RevocationPreview.of(s, graph, node);
                new AuthorityQuery(s.capabilitySpaces(), graph).whoReaches(node.capability().object());
            }
            new WaitForGraph(s);
            PageFindings.of(s, List.of());
            s.pageTables().forEach(t -> t.ranges(Half.ALL, 1000));
            if (random.nextInt(20) == 0) {
                SnapshotJson.of(s);
            }
            boolean broken = !s.problems().isEmpty() || !graph.inconsistent().isEmpty() || s.threads().stream().anyMatch(t -> !t.consistency().consistent())
                    || s.processes().stream().anyMatch(p -> !p.consistency().consistent()) || s.runQueues().stream().anyMatch(q -> !q.consistency().consistent())
                    || s.capabilitySpaces().stream().anyMatch(c -> !c.consistency().consistent()) || s.pageTables().stream().anyMatch(t -> !t.consistency().consistent());
            return broken ? 1 : 0;
        } catch (CancellationException hung) {
            throw new AssertionError("it hangs: " + words);
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError failed) {
            throw new AssertionError("corrupted at " + words, failed);
        }
    }

    @Test
    void aCorruptedDescriptionIsNamedOrReadAsFarAsItGoes() throws Exception {
        long seed = SOAK ? System.nanoTime() : 2027;
        System.out.println("hostile description: " + CORRUPTIONS / 20 + " images, seed " + seed);
        Random random = new Random(seed);
        Path file = Files.createTempFile("hostile", ".elf");
        try {
            byte[] sound = SyntheticKernel.imageOf(TINY);
            SyntheticKernel kernel = SyntheticKernel.of(TINY);
            int refused = 0;
            for (int i = 0; i < CORRUPTIONS / 20; i++) {
                byte[] bytes = sound.clone();
                int count = 1 + random.nextInt(20);
                for (int k = 0; k < count; k++) {
                    int at = random.nextInt(8) == 0 ? random.nextInt(200) : 0x1000 + random.nextInt(bytes.length - 0x1000 - 8);
                    if (random.nextBoolean()) {
                        bytes[at] ^= (byte) (1 << random.nextInt(8));
                    } else {
                        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(at, WILD[random.nextInt(WILD.length)]);
                    }
                }
                Files.write(file, bytes);
                try {
                    KernelImage image = KernelImage.of(ElfFile.read(file));
                    for (DescribedType type : image.types().types()) {
                        assertFalse(type.name().isEmpty());
                    }
                    List<String> problems = new ArrayList<>(image.types().problems());
                    new SnapshotReader(new KernelMemory(kernel.memory(), image), EVERYTHING, Cancel.NEVER).read();
                    assertTrue(problems.size() < 100_000);
                } catch (IOException named) {
                    assertFalse(named.getMessage() == null || named.getMessage().isBlank());
                    refused++;
                } catch (RuntimeException | StackOverflowError | OutOfMemoryError failed) {
                    throw new AssertionError("image " + i + " of seed " + seed, failed);
                }
            }
            assertTrue(refused < CORRUPTIONS / 20);
        } finally {
            Files.delete(file);
        }
    }

    @Test
    void aRamWithoutThisKernelIsRefusedInWords() throws Exception {
        SyntheticKernel kernel = SyntheticKernel.of(TINY);
        MemorySource other = new MemorySource(kernel.source().machine(), new SparseMemory(1 << 24), kernel.image());
        InspectException refused = assertThrows(InspectException.class,
                () -> other.take(EVERYTHING, Cancel.NEVER));
        assertTrue(refused.getMessage().contains("does not hold"), refused.getMessage());
        other.close();
        assertEquals("synthetic is closed", other.status().reason());
    }
}
