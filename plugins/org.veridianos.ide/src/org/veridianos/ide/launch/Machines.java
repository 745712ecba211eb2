package org.veridianos.ide.launch;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.debug.core.DebugException;
import org.eclipse.debug.core.DebugPlugin;
import org.eclipse.debug.core.ILaunch;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.eclipse.debug.core.ILaunchManager;
import org.eclipse.debug.core.Launch;
import org.eclipse.osgi.util.NLS;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.Messages;
import org.veridianos.ide.inspect.ActiveMachine;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.machine.Machine;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Session;
import org.veridianos.machine.Sessions;

/** The machines that this IDE runs. */
public final class Machines {

    /** The kind of owner that this IDE is in a session. */
    static final String OWNER = "ide";

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

    /**
     * Looks after the machines of earlier runs of the IDE: those whose owner died without meaning to leave them are ended,
     * those that were meant to stay, of kernels in this workspace, become launches again with what they printed.
     */
    public static void recover() throws CoreException {
        try {
            Sessions sessions = sessions();
            for (Session session : sessions.list()) {
                if (session.ownerKind().equals(OWNER) && session.outlivesOwner() && !session.owner().isAlive()) {
                    attach(session, sessions);
                }
            }
        } catch (MachineException | IOException unreachable) {
            throw IdePlugin.error(NLS.bind(Messages.Machine_notRecovered, unreachable.getMessage()), unreachable);
        }
    }

    private static void attach(Session session, Sessions sessions) throws CoreException, MachineException, IOException {
        for (KernelProject project : KernelProject.all()) {
            if (project.location().toString().equals(session.project())) {
                ILaunchConfiguration configuration = LaunchConfigurations.of(project, session.profile());
                ILaunch launch = new Launch(configuration, ILaunchManager.RUN_MODE, null);
                MachineProcess process = new MachineProcess(launch, Machine.attach(session, sessions, OWNER),
                        NLS.bind(Messages.Machine_label, configuration.getName(), session.id()));
                process.recall();
                DebugPlugin.getDefault().getLaunchManager().addLaunch(launch);
                add(process);
                process.start();
                return;
            }
        }
    }

    static void add(MachineProcess process) {
        RUNNING.add(process);
        ActiveMachine.machinesChanged(process, true);
    }

    static void remove(MachineProcess process) {
        RUNNING.remove(process);
        ActiveMachine.machinesChanged(process, false);
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
