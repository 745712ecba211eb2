package org.veridianos.kernel;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Build step: {@code Pack CHECKOUT ARCHIVE} packs the tracked files of {@code kernel/} and {@code qemu-launch/}. The kernel's files
 * become the project's root. The same sources give the same bytes.
 */
public final class Pack {

    private static final List<String> FOLDERS = List.of("kernel", "qemu-launch");

    private Pack() {
    }

    /** Entry point of the build step. */
    public static void main(String[] args) throws IOException, InterruptedException {
        Path archive = Path.of(args[1]);
        Files.createDirectories(archive.getParent());
        try (OutputStream out = Files.newOutputStream(archive)) {
            pack(Path.of(args[0]), out);
        }
    }

    static void pack(Path checkout, OutputStream out) throws IOException, InterruptedException {
        TreeMap<String, Path> files = new TreeMap<>();
        for (String name : sources(checkout)) {
            Path file = checkout.resolve(name);
            if (Files.isSymbolicLink(file)) {
                throw new IOException(name + " is a symbolic link, which a project cannot hold on every system");
            }
            if (Files.isRegularFile(file)) {
                files.put(name.startsWith("kernel/") ? name.substring("kernel/".length()) : name, file);
            }
        }
        if (!files.containsKey("Cargo.toml")) {
            throw new IOException("no kernel sources in " + checkout);
        }
        SourceArchive.write(files, out);
    }

    /** What git tracks; where there is no git (a source archive was unpacked), everything but products. */
    private static List<String> sources(Path checkout) throws IOException, InterruptedException {
        if (Files.exists(checkout.resolve(".git"))) {
            List<String> command = new ArrayList<>(List.of("git", "-c", "safe.directory=*", "ls-files", "-z", "--"));
            command.addAll(FOLDERS);
            Process git = new ProcessBuilder(command).directory(checkout.toFile()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            String names = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (git.waitFor() != 0) {
                throw new IOException("git cannot list the sources in " + checkout);
            }
            return List.of(names.split("\0"));
        }
        List<String> names = new ArrayList<>();
        for (String folder : FOLDERS) {
            Files.walkFileTree(checkout.resolve(folder), new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                    return directory.endsWith("target") ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                    names.add(checkout.relativize(file).toString().replace('\\', '/'));
                    return FileVisitResult.CONTINUE;
                }
            });
        }
        return names;
    }
}
