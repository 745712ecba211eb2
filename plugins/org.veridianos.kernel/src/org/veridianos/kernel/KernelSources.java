package org.veridianos.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.Predicate;

/** The kernel's sources that came with this installation. */
public final class KernelSources {

    /** Opens the archive anew for each pass. */
    @FunctionalInterface
    public interface Archive {
        /** The archive from its beginning. */
        InputStream open() throws IOException;
    }

    private final Archive archive;

    /** Sources from an archive that {@link Pack} made. */
    public KernelSources(Archive archive) {
        this.archive = archive;
    }

    /** The sources in this bundle. */
    public static KernelSources bundled() {
        return new KernelSources(() -> {
            InputStream in = KernelSources.class.getResourceAsStream("sources.zip");
            if (in == null) {
                throw new IOException("this installation is incomplete: it holds no kernel sources");
            }
            return in;
        });
    }

    /** The names of all files, in order. */
    public List<String> names() throws IOException {
        List<String> names = new java.util.ArrayList<>();
        try (InputStream in = archive.open()) {
            SourceArchive.read(in, (name, executable, content) -> names.add(name));
        }
        return List.copyOf(names);
    }

    /**
     * Writes all files below {@code folder}, which may exist but must hold none of them. Either everything is there afterwards or
     * nothing new: a failure or a cancel removes what was written, and never anything else.
     *
     * @param goOn asked before each file with its name; false cancels
     * @throws FileAlreadyExistsException naming the first file that is in the way
     * @throws CancellationException      after {@code goOn} said no
     */
    public void layOut(Path folder, Predicate<String> goOn) throws IOException {
        for (String name : names()) {
            if (Files.exists(resolve(folder, name), java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
                throw new FileAlreadyExistsException(resolve(folder, name).toString());
            }
        }
        Deque<Path> written = new ArrayDeque<>();
        try (InputStream in = archive.open()) {
            SourceArchive.read(in, (name, executable, content) -> {
                if (!goOn.test(name)) {
                    throw new CancellationException();
                }
                Path file = resolve(folder, name);
                createFolders(file.getParent(), written);
                written.push(file);
                Files.copy(content, file);
                if (executable) {
                    makeExecutable(file);
                }
            });
        } catch (IOException | RuntimeException failed) {
            remove(written);
            throw failed;
        }
    }

    private static void remove(Deque<Path> written) {
        for (Path path : written) {
            try {
                Files.deleteIfExists(path);
            } catch (IOException inUse) {
                // Somebody put something into the folder meanwhile; it stays.
            }
        }
    }

    private static Path resolve(Path folder, String name) throws IOException {
        Path file = folder.resolve(name).normalize();
        if (!file.startsWith(folder.normalize())) {
            throw new IOException("the archive names a file outside of the project: " + name);
        }
        return file;
    }

    private static void createFolders(Path folder, Deque<Path> written) throws IOException {
        if (!Files.isDirectory(folder)) {
            createFolders(folder.getParent(), written);
            Files.createDirectory(folder);
            written.push(folder);
        }
    }

    private static void makeExecutable(Path file) throws IOException {
        if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            Set<PosixFilePermission> permissions = EnumSet.copyOf(Files.getPosixFilePermissions(file));
            if (permissions.contains(PosixFilePermission.OWNER_READ)) {
                permissions.add(PosixFilePermission.OWNER_EXECUTE);
            }
            if (permissions.contains(PosixFilePermission.GROUP_READ)) {
                permissions.add(PosixFilePermission.GROUP_EXECUTE);
            }
            if (permissions.contains(PosixFilePermission.OTHERS_READ)) {
                permissions.add(PosixFilePermission.OTHERS_EXECUTE);
            }
            Files.setPosixFilePermissions(file, permissions);
        }
    }
}
