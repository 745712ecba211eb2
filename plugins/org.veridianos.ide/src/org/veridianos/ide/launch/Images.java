package org.veridianos.ide.launch;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.veridianos.build.Image;
import org.veridianos.build.Target;
import org.veridianos.ide.project.KernelProject;

/** Finds what the last build of an architecture left to boot. */
public final class Images {

    private Images() {
    }

    /** The bootable image of {@code target}, if it has been built. */
    public static Optional<Image> find(KernelProject project, Target target, boolean release) {
        Path folder = project.location().resolve("target").resolve(target.id()).resolve("image").resolve(release ? "release" : "dev");
        try {
            JsonObject json = JsonParser.parseString(Files.readString(folder.resolve("image.json"))).getAsJsonObject();
            return Optional.of(new Image(target, json.get("profile").getAsString(), folder.resolve(json.get("elf").getAsString()),
                    folder.resolve(json.get("boot").getAsString()),
                    Optional.ofNullable(json.get("initrd")).filter(e -> !e.isJsonNull()).map(e -> folder.resolve(e.getAsString())),
                    json.get("build_id").getAsString(), Optional.empty()));
        } catch (IOException | JsonParseException | IllegalStateException | NullPointerException notBuilt) {
            return Optional.empty();
        }
    }
}
