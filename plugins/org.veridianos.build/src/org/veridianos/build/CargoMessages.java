package org.veridianos.build;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.veridianos.build.Diagnostic.Level;
import org.veridianos.build.Diagnostic.Span;

/**
 * Reads the JSON lines of {@code cargo xtask build --message-format json}: cargo's own messages unchanged and the
 * {@code veridian-image} lines that xtask adds.
 *
 * <p>A library is compiled once per test program, so the same diagnostic may come several times; each is reported once.
 * A line that is no JSON, or JSON of an unknown shape, is skipped: newer toolchains add message kinds.
 */
public final class CargoMessages {

    private final Path workspace;
    private final Target target;
    private final BuildListener listener;
    private final Set<Diagnostic> seen = new HashSet<>();

    /**
     * @param workspace folder that relative file names start from
     * @param target    the architecture that is being built
     * @param listener  hears what the lines say
     */
    public CargoMessages(Path workspace, Target target, BuildListener listener) {
        this.workspace = workspace;
        this.target = target;
        this.listener = listener;
    }

    /** Takes one line of standard output. */
    public void accept(String line) {
        if (!line.startsWith("{")) {
            return;
        }
        JsonObject message;
        try {
            message = JsonParser.parseString(line).getAsJsonObject();
            switch (text(message, "reason").orElse("")) {
                case "compiler-message" -> diagnostic(message);
                case "compiler-artifact" -> artifact(message);
                case "veridian-image" -> listener.image(image(message));
                default -> { }
            }
        } catch (JsonParseException | IllegalStateException | IllegalArgumentException | UnsupportedOperationException malformed) {
            listener.progress("skipped an unreadable message of cargo: " + malformed.getMessage());
        }
    }

    private void artifact(JsonObject message) {
        if (!message.has("fresh") || !message.get("fresh").getAsBoolean()) {
            Optional.ofNullable(message.getAsJsonObject("target")).flatMap(t -> text(t, "name"))
                    .ifPresent(name -> listener.progress("Compiled " + name));
        }
    }

    private void diagnostic(JsonObject message) {
        JsonObject body = message.getAsJsonObject("message");
        if (body == null) {
            return;
        }
        Level level = switch (text(body, "level").orElse("")) {
            case "error", "error: internal compiler error" -> Level.ERROR;
            case "warning" -> Level.WARNING;
            default -> Level.NOTE;
        };
        Optional<Span> span = primarySpan(body.getAsJsonArray("spans"), base(message));
        String words = text(body, "message").orElse("");
        if (span.isEmpty() && (words.startsWith("aborting due to ") || words.matches("\\d+ warnings? emitted"))) {
            return;
        }
        Optional<String> code = body.has("code") && body.get("code").isJsonObject() ? text(body.getAsJsonObject("code"), "code") : Optional.empty();
        Diagnostic diagnostic = new Diagnostic(level, words, code, text(body, "rendered").orElse(words), span, target);
        if (seen.add(diagnostic)) {
            listener.diagnostic(diagnostic);
        }
    }

    /**
     * Relative span names start from the workspace that the package belongs to: the kernel's, or the one of the user
     * programs, whose manifest lies below {@code user/}.
     */
    private Path base(JsonObject message) {
        Path user = workspace.resolve("user");
        return text(message, "manifest_path").map(Path::of).filter(p -> p.startsWith(user)).map(p -> user).orElse(workspace);
    }

    private Optional<Span> primarySpan(JsonArray spans, Path base) {
        if (spans == null) {
            return Optional.empty();
        }
        for (JsonElement element : spans) {
            JsonObject span = element.getAsJsonObject();
            if (span.get("is_primary").getAsBoolean()) {
                JsonObject place = outermostExpansion(span, base);
                return Optional.of(new Span(resolve(base, place.get("file_name").getAsString()), place.get("line_start").getAsInt(),
                        place.get("column_start").getAsInt(), place.get("line_end").getAsInt(), place.get("column_end").getAsInt()));
            }
        }
        return Optional.empty();
    }

    /** A message inside a macro of a library is shown where the workspace calls the macro. */
    private JsonObject outermostExpansion(JsonObject span, Path base) {
        JsonObject place = span;
        while (!resolve(base, place.get("file_name").getAsString()).startsWith(workspace)
                && place.has("expansion") && place.get("expansion").isJsonObject()) {
            place = place.getAsJsonObject("expansion").getAsJsonObject("span");
        }
        return place;
    }

    private static Path resolve(Path base, String name) {
        return base.resolve(name).normalize();
    }

    private Image image(JsonObject m) {
        return new Image(Target.of(required(m, "arch")), required(m, "profile"), file(m, "elf"), file(m, "boot"),
                text(m, "initrd").map(workspace::resolve), text(m, "build_id").orElse(""), text(m, "test"));
    }

    private Path file(JsonObject message, String key) {
        return workspace.resolve(required(message, key));
    }

    private static String required(JsonObject object, String key) {
        return text(object, key).orElseThrow(() -> new IllegalArgumentException("no '" + key + "' in " + object));
    }

    private static Optional<String> text(JsonObject object, String key) {
        JsonElement value = object.get(key);
        return value == null || value.isJsonNull() ? Optional.empty() : Optional.of(value.getAsString());
    }
}
