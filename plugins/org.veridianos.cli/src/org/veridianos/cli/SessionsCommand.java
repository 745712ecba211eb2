package org.veridianos.cli;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Session;
import org.veridianos.machine.Sessions;
import org.veridianos.machine.Size;

/** {@code ./veridian sessions}. */
final class SessionsCommand implements Command {

    @Override
    public String name() {
        return "sessions";
    }

    @Override
    public String help() {
        return """
                Usage: ./veridian sessions [--json] [--end SESSION]

                Lists the machines that run now, of the command line and of the IDE.

                  --json         the content of every session file
                  --end SESSION  ends one
                """;
    }

    @Override
    public int run(Context context, List<String> args) throws Failure, MachineException {
        Options options = Options.parse(args, Set.of("--end"), Set.of("--json"));
        options.words(0);
        Sessions sessions = context.sessions();
        if (options.has("--end")) {
            sessions.remove(sessions.get(options.value("--end").orElseThrow()));
            return 0;
        }
        List<Session> running = sessions.list();
        if (options.has("--json")) {
            JsonArray all = new JsonArray();
            running.forEach(s -> all.add(s.toJson()));
            context.out().println(new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(all));
        } else if (running.isEmpty()) {
            context.out().println("no machine runs");
        } else {
            context.out().printf("%-14s %-6s %-5s %-8s %-10s %s%n", "SESSION", "OWNER", "CPUS", "MEMORY", "RUNNING", "KERNEL");
            for (Session s : running) {
                Duration age = Duration.between(s.created(), Instant.now());
                context.out().printf("%-14s %-6s %-5d %-8s %-10s %s%n", s.id(), s.ownerKind(), s.cpus(), Size.format(s.memory()),
                        String.format("%d:%02d:%02d", age.toHours(), age.toMinutesPart(), age.toSecondsPart()), Builds.shown(context, s.elf()));
            }
        }
        return 0;
    }
}
