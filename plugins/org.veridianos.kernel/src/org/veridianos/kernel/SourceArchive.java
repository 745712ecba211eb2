package org.veridianos.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * The archive's format: a zip whose first entry lists the files that are run, since Java's zip knows no run bits. Entries are
 * stored (the bundle's jar compresses), sorted, and carry one fixed time, so that equal sources make equal archives.
 */
final class SourceArchive {

    static final String EXECUTABLES = ".executables";

    /** 1980-01-01, the earliest a zip can say. */
    private static final java.time.LocalDateTime TIME = java.time.LocalDateTime.of(1980, 1, 1, 0, 0);

    private SourceArchive() {
    }

    static void write(SortedMap<String, Path> files, OutputStream out) throws IOException {
        StringBuilder executables = new StringBuilder();
        files.forEach((name, file) -> {
            if (Files.isExecutable(file)) {
                executables.append(name).append('\n');
            }
        });
        try (ZipOutputStream zip = new ZipOutputStream(out, StandardCharsets.UTF_8)) {
            store(zip, EXECUTABLES, executables.toString().getBytes(StandardCharsets.UTF_8));
            for (var file : files.entrySet()) {
                store(zip, file.getKey(), Files.readAllBytes(file.getValue()));
            }
        }
    }

    private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
        CRC32 sum = new CRC32();
        sum.update(content);
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(sum.getValue());
        entry.setTimeLocal(TIME);
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }

    /** Takes the files one by one. */
    @FunctionalInterface
    interface Visitor {
        void file(String name, boolean executable, InputStream content) throws IOException;
    }

    static void read(InputStream archive, Visitor visitor) throws IOException {
        try (ZipInputStream zip = new ZipInputStream(archive, StandardCharsets.UTF_8)) {
            ZipEntry first = zip.getNextEntry();
            if (first == null || !first.getName().equals(EXECUTABLES)) {
                throw new IOException("the archive of the kernel's sources is damaged");
            }
            java.util.Set<String> executables = java.util.Set.copyOf(new String(zip.readAllBytes(), StandardCharsets.UTF_8).lines().toList());
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                visitor.file(entry.getName(), executables.contains(entry.getName()), zip);
            }
        }
    }
}
