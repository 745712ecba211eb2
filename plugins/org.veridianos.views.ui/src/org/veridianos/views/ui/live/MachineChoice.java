package org.veridianos.views.ui.live;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.veridianos.ide.inspect.ActiveMachine;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.launch.Machines;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Session;

/** Which machine a view shows: the selected one, whichever that is, or one by its name. Any thread. */
final class MachineChoice {

    private volatile String pinned;
    /** The session that it is pinned to, as far as it was found; looking for it reads files. */
    private volatile Session found;

    /** Name of the machine it is pinned to, or null when it follows. */
    String pinned() {
        return pinned;
    }

    /** Stays with a machine; null follows the selected one. */
    void pin(String id) {
        pinned = id;
    }

    /** The session to show. May read files: not for the UI thread. */
    Optional<Session> session() {
        String id = pinned;
        if (id == null) {
            return ActiveMachine.get().map(MachineProcess::session);
        }
        Session last = found;
        if (last == null || !last.id().equals(id) || !last.isRunning()) {
            last = all().stream().filter(s -> s.id().equals(id)).findFirst().orElse(null);
            found = last;
        }
        return Optional.ofNullable(last);
    }

    /** Every running machine: those of this IDE first, then those of the command line and of other IDEs. Reads files. */
    static List<Session> all() {
        List<Session> all = new ArrayList<>(Machines.running().stream().map(MachineProcess::session).toList());
        try {
            for (Session session : Machines.sessions().list()) {
                if (session.isRunning() && all.stream().noneMatch(s -> s.id().equals(session.id()))) {
                    all.add(session);
                }
            }
        } catch (MachineException unreachable) {
            // Then there are those of this IDE.
        }
        return all;
    }
}
