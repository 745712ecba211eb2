package org.veridianos.releng.p2;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/** Makes the next version of the site's features and bundles: the same files with a higher version number. */
final class NextVersion {

    private static final String FROM = "0.1.0.";
    private static final String TO = "0.2.0.";

    private NextVersion() {
    }

    /** Copies {@code site}'s features and bundles to {@code target}, ours with the next version. */
    static void make(Path site, Path target) throws IOException {
        for (String part : List.of("features", "plugins")) {
            Files.createDirectories(target.resolve(part));
            try (Stream<Path> jars = Files.list(site.resolve(part))) {
                for (Path jar : jars.toList()) {
                    String name = jar.getFileName().toString();
                    if (name.startsWith("org.veridianos.")) {
                        bump(jar, target.resolve(part).resolve(name.replace(FROM, TO)));
                    } else {
                        Files.copy(jar, target.resolve(part).resolve(name));
                    }
                }
            }
        }
    }

    private static void bump(Path jar, Path target) throws IOException {
        try (ZipInputStream in = new ZipInputStream(Files.newInputStream(jar)); OutputStream file = Files.newOutputStream(target);
                ZipOutputStream out = new ZipOutputStream(file)) {
            for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                out.putNextEntry(new ZipEntry(entry.getName()));
                if (entry.getName().equals("META-INF/MANIFEST.MF") || entry.getName().equals("feature.xml")) {
                    out.write(text(in).replace(FROM, TO).getBytes(StandardCharsets.UTF_8));
                } else {
                    in.transferTo(out);
                }
                out.closeEntry();
            }
        }
    }

    private static String text(InputStream in) throws IOException {
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
}
