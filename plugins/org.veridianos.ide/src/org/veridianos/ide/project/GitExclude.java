package org.veridianos.ide.project;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Keeps {@code git status} of a checkout clean that is opened in place: the workspace's own files are listed in the
 * repository's {@code info/exclude}, which belongs to this clone alone.
 */
final class GitExclude {

    private GitExclude() {
    }

    /** Adds {@code names}, relative to {@code folder}, when the folder lies in a git work tree. */
    static void add(Path folder, List<String> names) throws IOException {
        Path root = folder.toRealPath();
        String prefix = "/";
        while (root != null && !Files.exists(root.resolve(".git"))) {
            prefix = "/" + root.getFileName() + prefix;
            root = root.getParent();
        }
        Optional<Path> repository = root == null ? Optional.empty() : commonFolder(root.resolve(".git"));
        if (repository.isEmpty()) {
            return;
        }
        Path exclude = repository.get().resolve("info").resolve("exclude");
        List<String> lines = Files.exists(exclude) ? Files.readAllLines(exclude) : List.of();
        List<String> wanted = new ArrayList<>(lines);
        for (String name : names) {
            String pattern = prefix + name;
            if (!wanted.contains(pattern)) {
                wanted.add(pattern);
            }
        }
        if (wanted.size() > lines.size()) {
            Files.createDirectories(exclude.getParent());
            Files.write(exclude, wanted);
        }
    }

    /** The folder that work trees share; {@code .git} is a file in a linked work tree. */
    private static Optional<Path> commonFolder(Path git) throws IOException {
        if (Files.isDirectory(git)) {
            return Optional.of(git);
        }
        String text = Files.readString(git).strip();
        if (!text.startsWith("gitdir: ")) {
            return Optional.empty();
        }
        Path own = git.resolveSibling(text.substring("gitdir: ".length()));
        Path common = own.resolve("commondir");
        return Optional.of(Files.exists(common) ? own.resolve(Files.readString(common).strip()).normalize() : own);
    }
}
