package org.veridianos.ide.launch;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.debug.core.DebugException;
import org.veridianos.ide.IdePlugin;
import org.veridianos.machine.Sessions;

/** The machines that this IDE runs. */
public final class Machines {

    private static final List<MachineProcess> RUNNING = new CopyOnWriteArrayList<>();

    private Machines() {
    }

    /** All sessions of this user, also those of the command line. */
    public static Sessions sessions() {
        return Sessions.ofUser(System.getenv());
    }

    /** The machines of this IDE that have not ended, in the order of their start. */
    public static List<MachineProcess> running() {
        return List.copyOf(RUNNING);
    }

    static void add(MachineProcess process) {
        RUNNING.add(process);
    }

    static void remove(MachineProcess process) {
        RUNNING.remove(process);
    }

    /** The IDE goes: its machines go with it, except those that are meant to stay. */
    public static void endAll() {
        for (MachineProcess process : RUNNING) {
            try {
                if (!process.session().outlivesOwner()) {
                    process.terminate();
                }
            } catch (DebugException stuck) {
                IdePlugin.log(stuck.getMessage(), stuck);
            }
        }
    }
}
