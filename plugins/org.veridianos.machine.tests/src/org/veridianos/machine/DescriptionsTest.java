package org.veridianos.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Profiles, sizes, words, RAM layout, console lines: what is read and computed without a process. */
class DescriptionsTest {

    private static final long MIB = 1 << 20;
    private static final long GIB = 1 << 30;

    @TempDir
    Path folder;

    private static Profile profile(String text) throws IOException, MachineException {
        Properties properties = new Properties();
        properties.load(new StringReader(text));
        return Profile.of("p", properties);
    }

    private static String refusal(String text) {
        return assertThrows(MachineException.class, () -> profile(text)).getMessage();
    }

    @Test
    void theBuiltInProfilesAreWhole() throws Exception {
        Profiles profiles = Profiles.builtIn();
        for (Architecture architecture : Architecture.values()) {
            assertEquals(architecture, profiles.of(architecture).architecture());
        }
        assertEquals(6, profiles.all().size());
        assertEquals("unknown profile 'vax': use one of aarch64, aarch64-cortex-a57, aarch64-max, riscv64, x86_64, x86_64-qemu64",
                assertThrows(MachineException.class, () -> profiles.get("vax")).getMessage());
    }

    @Test
    void aFoldersProfilesReplaceAndExtend() throws Exception {
        Files.writeString(folder.resolve("mine.properties"), "arch=riscv64\nmachine=virt\ncpu=rv64\n");
        Files.writeString(folder.resolve("x86_64.properties"), "arch=x86_64\nmachine=pc\ncpu=max\nmemory=1G\n");
        Profiles profiles = Profiles.load(folder);
        assertEquals("riscv64", profiles.get("mine").architecture().id());
        assertEquals(GIB, profiles.of(Architecture.X86_64).memory());
        assertEquals("cortex-a57", profiles.get("aarch64-cortex-a57").cpu());
    }

    @Test
    void aProfileThatCannotWorkIsRefused() {
        assertEquals("profile p: key 'arch' is missing", refusal("machine=virt\ncpu=x\n"));
        assertEquals("profile p: unknown architecture 'vax': use one of x86_64, aarch64, riscv64", refusal("arch=vax\nmachine=m\ncpu=x\n"));
        assertTrue(refusal("arch=x86_64\nmachine=pc\ncpu=x\nmemroy=1G\n").startsWith("profile p: unknown key 'memroy'; known are arch, args, "));
        assertEquals("profile p: 'much' is no size: write 64M or 4G", refusal("arch=x86_64\nmachine=pc\ncpu=x\nmemory=much\n"));
        assertEquals("profile p: a quote is left open in: -x 'y", refusal("arch=x86_64\nmachine=pc\ncpu=x\nargs=-x 'y\n"));
    }

    @ParameterizedTest
    @CsvSource({"64M,67108864", "64,67108864", "4G,4294967296", "1GiB,1073741824", "512K,524288", "1tb,1099511627776"})
    void sizesAreReadAsPeopleWriteThem(String text, long bytes) {
        assertEquals(bytes, Size.parse(text));
    }

    @ParameterizedTest
    @CsvSource({"''", "M", "-1M", "1.5G", "64X", "99999999999999M"})
    void otherSizesAreRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> Size.parse(text));
    }

    @Test
    void sizesAreWrittenSoThatQemuReadsTheSame() {
        for (long size : List.of(64 * MIB, 4 * GIB, 3 * MIB, 1L << 40)) {
            assertEquals(size, Size.parse(Size.format(size)));
        }
    }

    @Test
    void wordsAreSplitAsAShellDoes() {
        assertEquals(List.of("-a", "b c", "d\"e", "f'g", "", "h i"), Words.split(" -a 'b c'  d\\\"e \"f'g\" '' h\\ i "));
        assertEquals(List.of(), Words.split("   "));
    }

    @Test
    void ramOfAPcContinuesAboveThePciHole() {
        assertEquals(List.of(new Architecture.Piece(0, 0, 2 * GIB), new Architecture.Piece(4 * GIB, 2 * GIB, 2 * GIB)), Architecture.X86_64.ramPieces(4 * GIB));
        assertEquals(List.of(new Architecture.Piece(0, 0, 2559 * MIB)), Architecture.X86_64.ramPieces(2559 * MIB));
        assertEquals(List.of(new Architecture.Piece(GIB, 0, 8 * GIB)), Architecture.AARCH64.ramPieces(8 * GIB));
    }

    @Test
    void nodesAreCutWhereTheirFilesEnd() throws Exception {
        Profile pc = Profiles.builtIn().of(Architecture.X86_64);
        MachineConfig config = MachineConfig.of(pc, folder, folder, java.util.Optional.empty()).withCpus(3).withNodes(3).withMemory(3 * GIB);
        List<Path> files = List.of(Path.of("0"), Path.of("1"), Path.of("2"));
        assertEquals(List.of(new RamRange(files.get(0), 0, 0, GIB, 0), new RamRange(files.get(1), 0, GIB, GIB, 1), new RamRange(files.get(2), 0, 4 * GIB, GIB, 2)),
                RamFiles.ranges(config, files, GIB));
        config = config.withCpus(1).withNodes(1);
        assertEquals(List.of(new RamRange(files.get(0), 0, 0, 2 * GIB, 0), new RamRange(files.get(0), 2 * GIB, 4 * GIB, GIB, 0)),
                RamFiles.ranges(config, files.subList(0, 1), 3 * GIB));
    }

    @Test
    void theExitLineIsFoundInWhateverPiecesItComes() {
        String text = "hello\r\nveridian-exit: 12 apples\r\nveridian-exit: 999\r\nnot veridian-exit: 3\r\nveridian-exit: 255\r\n";
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (int piece = 1; piece <= bytes.length; piece++) {
            ExitLine exit = new ExitLine();
            for (int at = 0; at < bytes.length; at += piece) {
                exit.accept(bytes, at, Math.min(piece, bytes.length - at));
            }
            assertEquals(OptionalInt.of(255), exit.status(), "pieces of " + piece);
        }
    }

    @Test
    void anUnfinishedExitLineIsNone() {
        ExitLine exit = new ExitLine();
        byte[] bytes = "veridian-exit: 2".getBytes(StandardCharsets.UTF_8);
        exit.accept(bytes, 0, bytes.length);
        assertEquals(OptionalInt.empty(), exit.status());
    }

    @Test
    void registersAreReadFromTheTextsOfThreeArchitectures() {
        Map<String, Long> x86 = QmpMachineState.parse("RAX=0000000000000000 RBX=ffffffff80001000 RCX=0 \nRIP=ffffffff80100abc RFL=00000246\n"
                + "CR0=80010033 CR2=0000000000000000 CR3=0000000001e30000 CR4=000006f0\n");
        assertEquals(0x1e30000L, x86.get("cr3"));
        assertEquals(0xffffffff80100abcL, x86.get("rip"));
        Map<String, Long> arm = QmpMachineState.parse(" PC=ffffffff80001234 X00=0000000000000001 X01=0000000000000002\nX30=00000000000000ff  SP=ffffc00000001000\nPSTATE=600003c5 -ZC- EL1h\n");
        assertEquals(0xffffffff80001234L, arm.get("pc"));
        assertEquals(1L, arm.get("x0"));
        assertEquals(0xffffc00000001000L, arm.get("sp"));
        Map<String, Long> riscv = QmpMachineState.parse(" pc       ffffffff80201000\n mhartid  0000000000000000\n satp     9000000000080a00\n x0/zero  0000000000000000 x10/a0   00000000000000aa\n");
        assertEquals(0x9000000000080a00L, riscv.get("satp"));
        assertEquals(0xaaL, riscv.get("a0"));
        assertEquals(0xffffffff80201000L, riscv.get("pc"));
    }
}
