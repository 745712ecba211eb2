package org.veridianos.releng;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.Manifest;
import java.util.stream.Stream;

/** The files of the checkout that the tests look at. */
final class Checkout {

    static final Path ROOT = Path.of(System.getProperty("veridian.root")).toAbsolutePath().normalize();

    private Checkout() {
    }

    /** Folders of {@code plugins/} that hold a bundle, sorted. */
    static List<Path> bundles() throws IOException {
        try (Stream<Path> folders = Files.list(ROOT.resolve("plugins"))) {
            return folders.filter(f -> Files.exists(f.resolve("META-INF/MANIFEST.MF"))).sorted().toList();
        }
    }

    static Manifest manifest(Path bundle) {
        try (InputStream in = Files.newInputStream(bundle.resolve("META-INF/MANIFEST.MF"))) {
            return new Manifest(in);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** A header's names, without their attributes and directives. */
    static List<String> names(Manifest manifest, String header) {
        String value = manifest.getMainAttributes().getValue(header);
        if (value == null) {
            return List.of();
        }
        return Stream.of(value.replaceAll("\"[^\"]*\"", "").split(",")).map(clause -> clause.replaceAll(";.*", "").strip()).toList();
    }

    static List<Path> sources(Path bundle) throws IOException {
        Path sources = bundle.resolve("src");
        if (!Files.isDirectory(sources)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(sources)) {
            return files.filter(f -> f.toString().endsWith(".java")).sorted().toList();
        }
    }

    /** A source's text without comments and string literals, so that only code speaks of packages. */
    static String code(Path source) throws IOException {
        return Files.readString(source)
                .replaceAll("(?s)\"\"\".*?\"\"\"", "\"\"")
                .replaceAll("(?s)/\\*.*?\\*/|\"(?:\\\\.|[^\"\\\\\\n])*\"|'(?:\\\\.|[^'\\\\\\n])*'|//[^\\n]*", " ");
    }
}
