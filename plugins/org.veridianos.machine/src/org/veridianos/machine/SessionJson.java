package org.veridianos.machine;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads and writes {@code session.json}. Written by atomic rename: a reader sees the old or the new file, never half of one. */
final class SessionJson {

    static final String NAME = "session.json";

    private SessionJson() {
    }

    static void write(Session session) throws IOException {
        Path temporary = session.folder().resolve(NAME + "." + ProcessHandle.current().pid());
        Files.writeString(temporary, new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(toJson(session)) + "\n");
        Files.move(temporary, session.folder().resolve(NAME), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** The session of a folder; empty when there is none or it cannot be understood. */
    static Optional<Session> read(Path folder) {
        try {
            JsonObject json = JsonParser.parseString(Files.readString(folder.resolve(NAME))).getAsJsonObject();
            return json.get("schema").getAsInt() == Session.SCHEMA ? Optional.of(fromJson(folder, json)) : Optional.empty();
        } catch (IOException | JsonParseException | IllegalStateException | IllegalArgumentException | NullPointerException
                | java.time.DateTimeException unreadable) {
            return Optional.empty();
        }
    }

    static JsonObject toJson(Session s) {
        JsonObject json = new JsonObject();
        json.addProperty("schema", Session.SCHEMA);
        json.addProperty("id", s.id());
        json.addProperty("created", s.created().toString());
        JsonObject owner = process(s.owner());
        owner.addProperty("kind", s.ownerKind());
        json.add("owner", owner);
        s.qemu().ifPresent(q -> json.add("qemu", process(q)));
        json.addProperty("outlivesOwner", s.outlivesOwner());
        json.addProperty("arch", s.architecture().id());
        json.addProperty("profile", s.profile());
        json.addProperty("project", s.project());
        json.addProperty("elf", s.elf().toString());
        json.addProperty("cpus", s.cpus());
        json.addProperty("memory", s.memory());
        JsonArray ram = new JsonArray();
        for (RamRange range : s.ram()) {
            JsonObject entry = new JsonObject();
            entry.addProperty("file", range.file().toString());
            entry.addProperty("offset", range.offset());
            entry.addProperty("address", range.address());
            entry.addProperty("length", range.length());
            entry.addProperty("node", range.node());
            ram.add(entry);
        }
        json.add("ram", ram);
        JsonObject qmp = new JsonObject();
        qmp.addProperty("owner", s.ownerQmp().toString());
        qmp.addProperty("visitor", s.visitorQmp().toString());
        json.add("qmp", qmp);
        JsonObject gdb = new JsonObject();
        gdb.addProperty("socket", s.gdbSocket().toString());
        s.gdbHolder().ifPresent(h -> gdb.add("holder", process(h)));
        json.add("gdb", gdb);
        JsonObject console = new JsonObject();
        console.addProperty("socket", s.consoleSocket().toString());
        console.addProperty("log", s.consoleLog().toString());
        json.add("console", console);
        return json;
    }

    private static Session fromJson(Path folder, JsonObject json) {
        JsonObject owner = json.getAsJsonObject("owner");
        List<RamRange> ram = new ArrayList<>();
        for (JsonElement element : json.getAsJsonArray("ram")) {
            JsonObject range = element.getAsJsonObject();
            ram.add(new RamRange(Path.of(range.get("file").getAsString()), range.get("offset").getAsLong(), range.get("address").getAsLong(),
                    range.get("length").getAsLong(), range.get("node").getAsInt()));
        }
        return new Session(folder, Instant.parse(json.get("created").getAsString()), process(owner), owner.get("kind").getAsString(),
                Optional.ofNullable(json.getAsJsonObject("qemu")).map(SessionJson::process), json.get("outlivesOwner").getAsBoolean(),
                Architecture.of(json.get("arch").getAsString()), json.get("profile").getAsString(), json.get("project").getAsString(),
                Path.of(json.get("elf").getAsString()), json.get("cpus").getAsInt(), json.get("memory").getAsLong(), ram,
                Optional.ofNullable(json.getAsJsonObject("gdb").getAsJsonObject("holder")).map(SessionJson::process));
    }

    private static JsonObject process(ProcessIdentity process) {
        JsonObject json = new JsonObject();
        json.addProperty("pid", process.pid());
        json.addProperty("start", process.start());
        json.addProperty("executable", process.executable());
        return json;
    }

    private static ProcessIdentity process(JsonObject json) {
        return new ProcessIdentity(json.get("pid").getAsLong(), json.get("start").getAsLong(), json.get("executable").getAsString());
    }
}
