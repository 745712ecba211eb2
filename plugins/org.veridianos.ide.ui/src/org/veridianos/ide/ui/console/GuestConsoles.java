package org.veridianos.ide.ui.console;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.debug.core.DebugEvent;
import org.eclipse.debug.core.DebugPlugin;
import org.eclipse.debug.core.IDebugEventSetListener;
import org.eclipse.debug.core.ILaunch;
import org.eclipse.debug.core.ILaunchesListener2;
import org.eclipse.debug.core.model.IProcess;
import org.eclipse.ui.console.ConsolePlugin;
import org.eclipse.ui.console.IConsole;
import org.eclipse.ui.console.IConsoleManager;
import org.veridianos.ide.launch.MachineProcess;

/**
 * Keeps one {@link GuestConsole} for each machine of the launch manager, from its first byte until its launch is removed.
 * Launches change on any thread; the console manager is made for that.
 */
public final class GuestConsoles implements ILaunchesListener2, IDebugEventSetListener {

    private final Map<MachineProcess, GuestConsole> consoles = new ConcurrentHashMap<>();

    /** Begins to follow the launch manager. */
    public void start() {
        DebugPlugin debug = DebugPlugin.getDefault();
        debug.getLaunchManager().addLaunchListener(this);
        debug.addDebugEventListener(this);
        launchesAdded(debug.getLaunchManager().getLaunches());
    }

    /** Stops following; consoles stay as they are. */
    public void stop() {
        DebugPlugin debug = DebugPlugin.getDefault();
        if (debug != null) {
            debug.getLaunchManager().removeLaunchListener(this);
            debug.removeDebugEventListener(this);
        }
    }

    /** The console of a machine, if there is one. */
    public static GuestConsole of(IProcess process) {
        for (IConsole console : ConsolePlugin.getDefault().getConsoleManager().getConsoles()) {
            if (console instanceof GuestConsole guest && guest.process() == process) {
                return guest;
            }
        }
        return null;
    }

    @Override
    public void handleDebugEvents(DebugEvent[] events) {
        for (DebugEvent event : events) {
            if (event.getKind() == DebugEvent.CREATE && event.getSource() instanceof MachineProcess process) {
                add(process);
            }
        }
    }

    @Override
    public void launchesAdded(ILaunch[] launches) {
        for (ILaunch launch : launches) {
            for (IProcess process : launch.getProcesses()) {
                if (process instanceof MachineProcess machine) {
                    add(machine);
                }
            }
        }
    }

    @Override
    public void launchesChanged(ILaunch[] launches) {
        launchesAdded(launches);
    }

    @Override
    public void launchesRemoved(ILaunch[] launches) {
        List<IConsole> gone = new ArrayList<>();
        for (MachineProcess process : consoles.keySet()) {
            if (Arrays.asList(launches).contains(process.getLaunch())) {
                gone.add(consoles.remove(process));
            }
        }
        if (!gone.isEmpty()) {
            manager().removeConsoles(gone.toArray(IConsole[]::new));
        }
    }

    @Override
    public void launchesTerminated(ILaunch[] launches) {
        // A console stays readable after its machine has ended.
    }

    private void add(MachineProcess process) {
        boolean[] made = {false};
        GuestConsole console = consoles.computeIfAbsent(process, p -> {
            made[0] = true;
            return new GuestConsole(p);
        });
        if (made[0]) {
            manager().addConsoles(new IConsole[] {console});
            console.connect();
            manager().showConsoleView(console);
        }
    }

    private static IConsoleManager manager() {
        return ConsolePlugin.getDefault().getConsoleManager();
    }
}
