package org.veridianos.views.ui.live;

import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.eclipse.core.runtime.ILog;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.widgets.Display;
import org.veridianos.ide.inspect.SharedSources;
import org.veridianos.inspect.InspectException;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.SnapshotSource;
import org.veridianos.machine.Session;
import org.veridianos.views.ui.Messages;

/**
 * Reads a machine again and again in the background. One round: open the source if the machine is another one, take a
 * snapshot, make the model, hand it to the UI thread. The next round begins only after the UI thread has shown the last, so a
 * slow window slows the loop and never piles up work.
 */
final class SnapshotLoop<M> extends Job {

    /** Who shows it; called on the UI thread. */
    interface Screen<M> {
        /** A new model. The reading for the next round is asked for after this. */
        void show(Snapshot snapshot, M model);

        /** Nothing to show, and why. */
        void empty(String reason);

        /** What to read next. */
        Reading<M> reading();

        /** Milliseconds from one round to the next; negative for no next round. */
        long period();
    }

    private final MachineChoice choice;
    private final Screen<M> screen;
    private final Display display;
    private volatile Reading<M> reading;
    private volatile boolean over;
    /** Only the job's own thread touches what follows. */
    private SnapshotSource source;
    private String sourceKey;
    private String lastTitle;
    private M previous;

    SnapshotLoop(String name, MachineChoice choice, Screen<M> screen, Display display) {
        super(name);
        this.choice = choice;
        this.screen = screen;
        this.display = display;
        setSystem(true);
        setPriority(Job.DECORATE);
    }

    /** Reads now, whatever the rate. UI thread. */
    void refresh() {
        if (!over) {
            reading = screen.reading();
            wakeUp();
            schedule();
        }
    }

    /** Ends for good. UI thread. */
    void end() {
        over = true;
        if (cancel()) {
            release();
        }
    }

    @Override
    protected IStatus run(IProgressMonitor monitor) {
        long start = System.nanoTime();
        try {
            Optional<Session> session = choice.session();
            if (session.isEmpty()) {
                release();
                deliverEmpty(lastTitle == null ? choice.pinned() == null ? Messages.Live_noMachine : NLS.bind(Messages.Live_pinnedGone, choice.pinned())
                        : NLS.bind(Messages.Live_ended, lastTitle));
                return Status.OK_STATUS;
            }
            open(session.get());
            Reading<M> wanted = reading;
            Snapshot snapshot = source.take(wanted.request(), () -> over || monitor.isCanceled());
            M model = wanted.maker().make(snapshot, source.memory(), previous);
            previous = model;
            deliver(() -> screen.show(snapshot, model), start);
        } catch (CancellationException ended) {
            return Status.CANCEL_STATUS;
        } catch (InspectException unreadable) {
            release();
            deliverEmpty(NLS.bind(Messages.Live_unreadable, unreadable.getMessage()));
        } catch (RuntimeException | LinkageError defect) {
            ILog.of(SnapshotLoop.class).error(getName(), defect);
            deliverEmpty(NLS.bind(Messages.Live_defect, defect));
        } finally {
            if (over) {
                release();
            }
        }
        return Status.OK_STATUS;
    }

    private void open(Session session) throws InspectException {
        String key = SharedSources.key(session);
        if (!key.equals(sourceKey)) {
            release();
            source = SharedSources.open(session);
            sourceKey = key;
            lastTitle = source.machine().title();
        }
    }

    private void release() {
        if (source != null) {
            source.close();
        }
        source = null;
        sourceKey = null;
        previous = null;
    }

    /** The machine is gone or not there: nothing to do until somebody says that it has changed. */
    private void deliverEmpty(String reason) {
        if (!display.isDisposed()) {
            display.asyncExec(() -> {
                if (!over) {
                    screen.empty(reason);
                }
            });
        }
    }

    private void deliver(Runnable show, long start) {
        if (display.isDisposed()) {
            return;
        }
        display.asyncExec(() -> {
            if (over) {
                return;
            }
            try {
                show.run();
            } finally {
                reading = screen.reading();
                long period = screen.period();
                if (period >= 0) {
                    schedule(Math.max(1, period - (System.nanoTime() - start) / 1_000_000));
                }
            }
        });
    }
}
