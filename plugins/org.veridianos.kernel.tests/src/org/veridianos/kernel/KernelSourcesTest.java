package org.veridianos.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelSourcesTest {

    @TempDir
    Path folder;

    private Path checkout;

    @BeforeEach
    void checkout() throws IOException {
        checkout = folder.resolve("checkout");
        write("kernel/Cargo.toml", "[workspace]");
        write("kernel/src/main.rs", "fn main() {}");
        write("kernel/target/x86_64/veridian.elf", "product");
        write("kernel/tools/run.sh", "#!/bin/sh");
        assertTrue(checkout.resolve("kernel/tools/run.sh").toFile().setExecutable(true));
        write("qemu-launch/x86_64.properties", "arch=x86_64");
        write("plugins/other.txt", "not the kernel's");
    }

    private void write(String name, String text) throws IOException {
        Files.createDirectories(checkout.resolve(name).getParent());
        Files.writeString(checkout.resolve(name), text);
    }

    private byte[] pack() throws IOException, InterruptedException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Pack.pack(checkout, out);
        return out.toByteArray();
    }

    private KernelSources sources() throws IOException, InterruptedException {
        byte[] archive = pack();
        return new KernelSources(() -> new ByteArrayInputStream(archive));
    }

    @Test
    void theKernelBecomesTheProjectsRootAndProductsStayBehind() throws Exception {
        assertEquals(List.of("Cargo.toml", "qemu-launch/x86_64.properties", "src/main.rs", "tools/run.sh"), sources().names());
    }

    @Test
    void equalSourcesMakeEqualArchives() throws Exception {
        byte[] first = pack();
        checkout.resolve("kernel/Cargo.toml").toFile().setLastModified(0);
        assertArrayEquals(first, pack());
    }

    @Test
    void onlyTrackedFilesAreInTheArchiveOfARepository() throws Exception {
        git("init", "-q");
        git("add", "kernel/Cargo.toml", "qemu-launch");
        assertEquals(List.of("Cargo.toml", "qemu-launch/x86_64.properties"), sources().names());
    }

    private void git(String... words) throws IOException, InterruptedException {
        List<String> command = new java.util.ArrayList<>(List.of("git"));
        command.addAll(List.of(words));
        assertEquals(0, new ProcessBuilder(command).directory(checkout.toFile()).inheritIO().start().waitFor());
    }

    @Test
    void aProjectMayHaveAnyNameAndRunBitsAreKept() throws Exception {
        Path project = folder.resolve("Mein Kernel – größer");
        sources().layOut(project, name -> true);
        assertEquals("fn main() {}", Files.readString(project.resolve("src/main.rs")));
        assertTrue(Files.isExecutable(project.resolve("tools/run.sh")));
        assertFalse(Files.isExecutable(project.resolve("src/main.rs")));
    }

    @Test
    void whatTheUserHasIsNeverOverwritten() throws Exception {
        Path project = Files.createDirectories(folder.resolve("project/src")).getParent();
        Files.writeString(project.resolve("src/main.rs"), "mine");
        KernelSources sources = sources();
        assertThrows(FileAlreadyExistsException.class, () -> sources.layOut(project, name -> true));
        assertEquals("mine", Files.readString(project.resolve("src/main.rs")));
        assertFalse(Files.exists(project.resolve("Cargo.toml")));
    }

    @Test
    void cancellingLeavesNothingNew() throws Exception {
        Path project = Files.createDirectories(folder.resolve("project"));
        Files.writeString(project.resolve("notes.txt"), "mine");
        KernelSources sources = sources();
        assertThrows(CancellationException.class, () -> sources.layOut(project, name -> !name.equals("tools/run.sh")));
        try (Stream<Path> left = Files.list(project)) {
            assertEquals(List.of(project.resolve("notes.txt")), left.toList());
        }
    }

    @Test
    void aReadOnlyPlaceIsRefusedWithoutALeftover() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "");
        KernelSources sources = sources();
        assertThrows(IOException.class, () -> sources.layOut(file.resolve("project"), name -> true));
        assertEquals("", Files.readString(file));
    }

    @Test
    void anArchiveThatLeavesTheProjectIsRefused() throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        SourceArchive.write(new java.util.TreeMap<>(java.util.Map.of("../evil", checkout.resolve("kernel/Cargo.toml"))), out);
        KernelSources sources = new KernelSources(() -> new ByteArrayInputStream(out.toByteArray()));
        assertThrows(IOException.class, () -> sources.layOut(folder.resolve("project"), name -> true));
        assertFalse(Files.exists(folder.resolve("evil")));
    }

    @Test
    void aDamagedArchiveIsRefused() {
        KernelSources sources = new KernelSources(() -> new ByteArrayInputStream(new byte[] {1, 2, 3}));
        assertThrows(IOException.class, () -> sources.layOut(folder.resolve("project"), name -> true));
    }
}
