package org.veridianos.views.ui.pages;

import com.google.gson.JsonElement;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.osgi.util.NLS;
import org.veridianos.ide.inspect.SharedSources;
import org.veridianos.inspect.InspectException;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.SnapshotSource;
import org.veridianos.inspect.analysis.PageFindings;
import org.veridianos.inspect.analysis.PageFindings.Finding;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.MachineState;
import org.veridianos.machine.Qmp;
import org.veridianos.machine.QmpMachineState;
import org.veridianos.machine.Session;
import org.veridianos.views.ui.Messages;

/**
 * Compares the address-space register of each CPU with the tables of the process that the kernel says runs there. Registers can
 * only be read while the machine stands, so it is stopped for some milliseconds, and only when the user asks. A CPU may be
 * caught in the middle of a switch; what differs each time of several is a mistake.
 */
final class RegisterCheck extends Job {

    private static final int TIMES = 3;
    private static final long BETWEEN_MS = 20;

    private final Supplier<Optional<Session>> session;
    private final Consumer<List<Finding>> then;

    /**
     * A check.
     *
     * @param session the machine; asked for in the job
     * @param then    hears what was found, on the job's thread
     */
    RegisterCheck(Supplier<Optional<Session>> session, Consumer<List<Finding>> then) {
        super(Messages.Pages_compare.replace("&", ""));
        this.session = session;
        this.then = then;
        setUser(true);
    }

    @Override
    protected IStatus run(IProgressMonitor monitor) {
        Optional<Session> machine = session.get();
        if (machine.isEmpty()) {
            return Status.OK_STATUS;
        }
        try (SnapshotSource source = SharedSources.open(machine.get())) {
            List<Finding> found = compare(machine.get(), source, monitor);
            for (int i = 1; i < TIMES && !found.isEmpty(); i++) {
                Thread.sleep(BETWEEN_MS);
                Set<Long> again = new HashSet<>();
                List<Finding> next = compare(machine.get(), source, monitor);
                next.forEach(f -> again.add(f.start()));
                found = found.stream().filter(f -> again.contains(f.start())).toList();
            }
            then.accept(found);
            return Status.OK_STATUS;
        } catch (MachineException | InspectException unreadable) {
            return Status.error(NLS.bind(Messages.Pages_notCompared, unreadable.getMessage()), unreadable);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return Status.CANCEL_STATUS;
        }
    }

    private static List<Finding> compare(Session machine, SnapshotSource source, IProgressMonitor monitor) throws MachineException, InspectException {
        boolean ran = new QmpMachineState(machine).isRunning();
        tell(machine, "stop");
        try {
            List<MachineState.Cpu> cpus = new QmpMachineState(machine).cpus();
            Snapshot snapshot = source.take(Request.of(Part.PAGE_TABLES, Part.RUN_QUEUES), monitor::isCanceled);
            return PageFindings.of(snapshot, cpus).stream().filter(f -> f.kind() == PageFindings.Kind.OTHER_ROOT).toList();
        } finally {
            if (ran) {
                tell(machine, "cont");
            }
        }
    }

    private static JsonElement tell(Session machine, String command) throws MachineException {
        try (Qmp qmp = Qmp.connect(machine.visitorQmp())) {
            return qmp.execute(command);
        }
    }
}
