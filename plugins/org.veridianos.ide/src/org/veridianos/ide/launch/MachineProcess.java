package org.veridianos.ide.launch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.PlatformObject;
import org.eclipse.core.runtime.Status;
import org.eclipse.debug.core.DebugEvent;
import org.eclipse.debug.core.DebugException;
import org.eclipse.debug.core.DebugPlugin;
import org.eclipse.debug.core.ILaunch;
import org.eclipse.debug.core.model.IDisconnect;
import org.eclipse.debug.core.model.IProcess;
import org.eclipse.debug.core.model.IStreamsProxy;
import org.eclipse.osgi.util.NLS;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.Messages;
import org.veridianos.machine.ExitLine;
import org.veridianos.machine.Machine;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Session;

/**
 * A running machine as the Debug platform sees it.
 *
 * <p>One thread reads the guest's serial line, watches for its exit line, and passes every byte on to the listeners; the
 * last {@value #KEPT} bytes are kept for listeners that come later. The platform's own streams stay unused ({@link
 * #getStreamsProxy()} is null), because they hold all output as text. When the line closes, the machine has ended: its
 * session is removed, listeners hear why, and the terminate event is fired, in this order and once.
 *
 * <p>A machine that may outlive the IDE can be disconnected: it goes on without this process, and the next start of the IDE
 * finds it again. The platform does that with every launch that allows it when the IDE is closed, and terminates the others.
 */
public final class MachineProcess extends PlatformObject implements IProcess, IDisconnect {

    private static final int KEPT = 1 << 20;

    private final ILaunch launch;
    private final Machine machine;
    private final String label;
    private final Map<String, String> attributes = new ConcurrentHashMap<>();
    private final List<GuestOutput> listeners = new CopyOnWriteArrayList<>();
    private final Replay replay = new Replay(KEPT);
    private final ExitLine exitLine = new ExitLine();
    private volatile boolean terminatedByUser;
    private volatile boolean disconnected;
    /** Set once, when everything is over; guarded by {@code replay} together with the listeners' last call. */
    private volatile String ended;
    private volatile int exitValue;

    MachineProcess(ILaunch launch, Machine machine, String label) {
        this.launch = launch;
        this.machine = machine;
        this.label = label;
        attributes.put(IProcess.ATTR_PROCESS_TYPE, LaunchAttributes.PROCESS_TYPE);
        attributes.put(IProcess.ATTR_PROCESS_LABEL, label);
        machine.session().qemu().ifPresent(q -> attributes.put(IProcess.ATTR_PROCESS_ID, Long.toString(q.pid())));
    }

    /** Shows what the machine printed before this process took it over, as far as it is kept. */
    void recall() throws IOException {
        try (SeekableByteChannel log = Files.newByteChannel(session().consoleLog())) {
            log.position(Math.max(0, log.size() - KEPT));
            ByteBuffer buffer = ByteBuffer.allocate(64 * 1024);
            while (log.read(buffer.clear()) >= 0) {
                replay.add(buffer.array(), 0, buffer.position());
            }
        }
    }

    /** Enters the launch and begins to read. */
    void start() {
        launch.addProcess(this);
        fire(DebugEvent.CREATE);
        Thread reader = new Thread(this::read, "console of " + machine.session().id());
        reader.setDaemon(true);
        reader.start();
    }

    private void read() {
        ByteBuffer buffer = ByteBuffer.allocate(64 * 1024);
        try {
            while (machine.console().read(buffer.clear()) >= 0) {
                exitLine.accept(buffer.array(), 0, buffer.position());
                synchronized (replay) {
                    replay.add(buffer.array(), 0, buffer.position());
                    listeners.forEach(l -> l.printed(buffer.array(), 0, buffer.position()));
                }
            }
        } catch (IOException closed) {
            // The same as the end of the stream: QEMU is gone or going.
        }
        if (!disconnected) {
            end();
        }
    }

    private void end() {
        String reason;
        try {
            machine.onExit().join();
            reason = exitLine.status().isPresent() ? NLS.bind(Messages.Machine_ended, exitLine.status().getAsInt())
                    : terminatedByUser ? Messages.Machine_terminated : machine.causeOfDeath();
            exitValue = exitLine.status().orElse(terminatedByUser ? 0 : 1);
            machine.close();
        } catch (MachineException leftover) {
            IdePlugin.log(leftover.getMessage(), leftover);
            reason = leftover.getMessage();
        }
        end(reason);
    }

    private void end(String reason) {
        Machines.remove(this);
        synchronized (replay) {
            ended = reason;
            listeners.forEach(l -> l.ended(reason));
        }
        fire(DebugEvent.TERMINATE);
    }

    private void fire(int kind) {
        DebugPlugin platform = DebugPlugin.getDefault();
        // It is gone before the last machine when the IDE is closed.
        if (platform != null) {
            platform.fireDebugEventSet(new DebugEvent[] {new DebugEvent(this, kind)});
        }
    }

    /** {@code listener} gets what is kept of the output so far, then everything that comes. */
    public void addListener(GuestOutput listener) {
        synchronized (replay) {
            byte[] kept = replay.toBytes();
            if (kept.length > 0) {
                listener.printed(kept, 0, kept.length);
            }
            if (ended != null) {
                listener.ended(ended);
            } else {
                listeners.add(listener);
            }
        }
    }

    /** {@code listener} gets nothing more. */
    public void removeListener(GuestOutput listener) {
        listeners.remove(listener);
    }

    /** Sends keys to the guest, raw and unechoed. Blocks while the guest does not read. */
    public void type(byte[] keys) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(keys);
        while (buffer.hasRemaining()) {
            machine.console().write(buffer);
        }
    }

    /** The session, for views and visitors. */
    public Session session() {
        return machine.session();
    }

    /** The machine, for who needs its monitor. */
    public Machine machine() {
        return machine;
    }

    /** Why it ended, once it has. */
    public Optional<String> reason() {
        return Optional.ofNullable(ended);
    }

    @Override
    public String getLabel() {
        return label;
    }

    @Override
    public ILaunch getLaunch() {
        return launch;
    }

    @Override
    public IStreamsProxy getStreamsProxy() {
        return null;
    }

    @Override
    public void setAttribute(String key, String value) {
        attributes.put(key, value);
    }

    @Override
    public String getAttribute(String key) {
        return attributes.get(key);
    }

    @Override
    public int getExitValue() throws DebugException {
        if (!isTerminated()) {
            throw new DebugException(new Status(IStatus.ERROR, IdePlugin.ID, Messages.Machine_running));
        }
        return exitValue;
    }

    @Override
    public boolean canTerminate() {
        return !isTerminated();
    }

    @Override
    public boolean isTerminated() {
        return ended != null;
    }

    @Override
    public void terminate() throws DebugException {
        if (isTerminated()) {
            return;
        }
        terminatedByUser = true;
        try {
            machine.close();
        } catch (MachineException stuck) {
            throw new DebugException(new Status(IStatus.ERROR, IdePlugin.ID, NLS.bind(Messages.Machine_noTerminate, label, stuck.getMessage()), stuck));
        }
    }

    @Override
    public boolean canDisconnect() {
        return !isTerminated() && session().outlivesOwner();
    }

    @Override
    public boolean isDisconnected() {
        return disconnected;
    }

    @Override
    public void disconnect() {
        if (canDisconnect()) {
            disconnected = true;
            machine.detach();
            // The platform asks next whether this can be terminated; it must not find that it can.
            end(Messages.Machine_disconnected);
        }
    }

    @Override
    public <T> T getAdapter(Class<T> type) {
        if (type == IProcess.class) {
            return type.cast(this);
        }
        if (type == ILaunch.class) {
            return type.cast(launch);
        }
        return type == Session.class ? type.cast(session()) : super.getAdapter(type);
    }
}
