package org.veridianos.releng.p2;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** An Eclipse on disk that a test changes with the p2 director, and starts. */
final class Installation {

    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin", "java");
    private static final Pattern STATE = Pattern.compile("(?m)^\\d+\\s+(\\w+)\\s+(org\\.veridianos\\.[\\w.]+)_(\\d+\\.\\d+\\.\\d+)");

    private final Path folder;
    private final Path director;

    private Installation(Path folder, Path director) {
        this.folder = folder;
        this.director = director;
    }

    /**
     * A copy of {@code product} in {@code folder}.
     *
     * @param director the installation whose director works on it; null means its own
     */
    static Installation copy(Path product, Path folder, Path director) throws IOException, InterruptedException {
        run(List.of("cp", "-a", product.toString(), folder.toString()), folder.getParent(), "");
        return new Installation(folder, director == null ? folder : director);
    }

    /** Installs {@code install} and removes {@code uninstall} in one transaction; either may be null. */
    void change(Path repository, String install, String uninstall) throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(List.of("-application", "org.eclipse.equinox.p2.director", "-destination", folder.toString(), "-profile", "bare"));
        if (repository != null) {
            words.addAll(List.of("-repository", repository.toUri().toString()));
        }
        if (install != null) {
            words.addAll(List.of("-installIU", install));
        }
        if (uninstall != null) {
            words.addAll(List.of("-uninstallIU", uninstall));
        }
        launch(director, words, "");
    }

    /** Deletes the files of bundles that nothing uses any more, as an IDE does at its start. */
    void collectGarbage() throws IOException, InterruptedException {
        launch(director, List.of("-application", "org.eclipse.equinox.p2.garbagecollector.application", "-profile", "bare",
                "-Declipse.p2.data.area=" + folder.resolve("p2")), "");
    }

    /** Starts every Veridian bundle and returns states by name and version ({@code ACTIVE}). */
    Map<String, String> startBundles() throws IOException, InterruptedException {
        StringBuilder script = new StringBuilder();
        for (String bundle : veridianBundles().keySet()) {
            script.append("equinox:start ").append(bundle).append('\n');
        }
        script.append("ss org.veridianos\nexit\ny\n");
        String output = launch(folder, List.of("-console", "-consoleLog", "-clean", "-data", folder.resolve("workspace").toString()), script.toString());
        Map<String, String> states = new TreeMap<>();
        Matcher state = STATE.matcher(output);
        while (state.find()) {
            states.put(state.group(2) + " " + state.group(3), state.group(1));
        }
        if (states.isEmpty()) {
            throw new AssertionError("no Veridian bundle was listed:\n" + output);
        }
        return states;
    }

    /** Names and versions of the Veridian bundles that the framework is told to load. */
    Map<String, String> veridianBundles() throws IOException {
        Map<String, String> found = new TreeMap<>();
        for (String line : bundlesInfo()) {
            if (line.startsWith("org.veridianos.")) {
                String[] fields = line.split(",");
                found.put(fields[0], fields[1]);
            }
        }
        return found;
    }

    /** The framework's list of bundles, without the comments. */
    List<String> bundlesInfo() throws IOException {
        return Files.readAllLines(folder.resolve("configuration/org.eclipse.equinox.simpleconfigurator/bundles.info")).stream()
                .filter(l -> !l.startsWith("#")).sorted().toList();
    }

    /** What lies in {@code plugins/} and {@code features/}. */
    TreeSet<String> files() throws IOException {
        TreeSet<String> names = new TreeSet<>();
        for (String part : List.of("plugins", "features")) {
            if (Files.isDirectory(folder.resolve(part))) {
                try (Stream<Path> entries = Files.list(folder.resolve(part))) {
                    entries.forEach(e -> names.add(part + "/" + e.getFileName()));
                }
            }
        }
        return names;
    }

    /** Runs the publisher: turns {@code features/} and {@code plugins/} of {@code source} into a p2 repository. */
    void publish(Path source, Path repository) throws IOException, InterruptedException {
        launch(director, List.of("-application", "org.eclipse.equinox.p2.publisher.FeaturesAndBundlesPublisher", "-source", source.toString(),
                "-metadataRepository", repository.toUri().toString(), "-artifactRepository", repository.toUri().toString(), "-publishArtifacts"), "");
    }

    private static String launch(Path eclipse, List<String> words, String input) throws IOException, InterruptedException {
        Path launcher;
        try (Stream<Path> jars = Files.list(eclipse.resolve("plugins"))) {
            launcher = jars.filter(j -> j.getFileName().toString().matches("org\\.eclipse\\.equinox\\.launcher_.*\\.jar")).findFirst().orElseThrow();
        }
        List<String> command = new ArrayList<>(List.of(JAVA.toString()));
        words.stream().filter(w -> w.startsWith("-D")).forEach(command::add);
        if (words.contains("-console")) {
            command.addAll(List.of("-Dosgi.noShutdown=true", "-Declipse.ignoreApp=true"));
        }
        command.addAll(List.of("-jar", launcher.toString(), "-nosplash"));
        words.stream().filter(w -> !w.startsWith("-D")).forEach(command::add);
        return run(command, eclipse, input);
    }

    private static String run(List<String> command, Path where, String input) throws IOException, InterruptedException {
        File output = File.createTempFile("eclipse", ".log");
        try {
            Process process = new ProcessBuilder(command).directory(where.toFile()).redirectErrorStream(true).redirectOutput(output).start();
            process.getOutputStream().write(input.getBytes());
            process.getOutputStream().flush();
            if (!process.waitFor(180, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError(command + " does not end:\n" + Files.readString(output.toPath()));
            }
            String text = Files.readString(output.toPath());
            if (process.exitValue() != 0) {
                throw new AssertionError(command + " ended with " + process.exitValue() + ":\n" + text);
            }
            return text;
        } finally {
            Files.delete(output.toPath());
        }
    }
}
