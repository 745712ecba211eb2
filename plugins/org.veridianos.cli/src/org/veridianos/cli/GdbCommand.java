package org.veridianos.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.ProcessIdentity;
import org.veridianos.machine.Session;
import org.veridianos.machine.Sessions;

/** {@code ./veridian gdb}: a plain gdb on a running machine. QEMU has one stub, so the session names who holds it. */
final class GdbCommand implements Command {

    @Override
    public String name() {
        return "gdb";
    }

    @Override
    public String help() {
        return """
                Usage: ./veridian gdb SESSION [-- GDB-ARGUMENT...]

                Connects gdb-multiarch to a running machine, with the kernel's symbols. The machine stands while gdb
                has it, and goes on when gdb quits.
                """;
    }

    @Override
    public int run(Context context, List<String> args) throws Failure, MachineException, IOException, InterruptedException {
        Options options = Options.parse(args, Set.of(), Set.of());
        if (options.words(1).isEmpty()) {
            throw new Failure(Failure.USAGE, "which machine? './veridian sessions' lists those that run");
        }
        Sessions sessions = context.sessions();
        Session session = sessions.get(options.words().get(0));
        boolean[] mine = {false};
        sessions.update(session.folder(), s -> {
            mine[0] = s.gdbHolder().filter(ProcessIdentity::isAlive).isEmpty();
            return mine[0] ? s.withGdbHolder(Optional.of(ProcessIdentity.self())) : s;
        });
        if (!mine[0]) {
            throw new Failure("a debugger is connected to " + session.id() + " already; QEMU serves one");
        }
        try {
            List<String> command = new ArrayList<>(List.of("gdb-multiarch", "-nx", "-q", "-ex", "set pagination off",
                    "-ex", "target remote " + session.gdbSocket()));
            command.addAll(options.rest());
            command.add(session.elf().toString());
            return new ProcessBuilder(command).inheritIO().start().waitFor();
        } catch (IOException missing) {
            throw new Failure("gdb-multiarch does not start; on Debian: apt-get install gdb-multiarch");
        } finally {
            sessions.update(session.folder(), s -> s.withGdbHolder(Optional.empty()));
        }
    }
}
