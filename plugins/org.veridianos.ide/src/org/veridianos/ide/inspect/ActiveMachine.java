package org.veridianos.ide.inspect;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.launch.Machines;

/**
 * The machine that views follow: the one that was started or selected last and still runs.
 *
 * <p>Listeners are called on whatever thread changed it and must be quick.
 */
public final class ActiveMachine {

    private static final List<Runnable> LISTENERS = new CopyOnWriteArrayList<>();
    private static volatile MachineProcess selected;

    private ActiveMachine() {
    }

    /** The machine; empty when none runs. */
    public static Optional<MachineProcess> get() {
        List<MachineProcess> running = Machines.running();
        MachineProcess wanted = selected;
        if (wanted != null && running.contains(wanted)) {
            return Optional.of(wanted);
        }
        return running.isEmpty() ? Optional.empty() : Optional.of(running.get(running.size() - 1));
    }

    /** The user points at {@code process}, in whatever view; an ended one changes nothing. */
    public static void select(MachineProcess process) {
        if (Machines.running().contains(process) && selected != process) {
            selected = process;
            changed();
        }
    }

    /** A machine was started or has ended. */
    public static void machinesChanged(MachineProcess process, boolean started) {
        if (started) {
            selected = process;
        } else if (selected == process) {
            selected = null;
        }
        changed();
    }

    private static void changed() {
        LISTENERS.forEach(Runnable::run);
    }

    /** {@code listener} hears of every machine that starts, ends or is selected. */
    public static void addListener(Runnable listener) {
        LISTENERS.add(listener);
    }

    /** {@code listener} hears nothing more. */
    public static void removeListener(Runnable listener) {
        LISTENERS.remove(listener);
    }
}
