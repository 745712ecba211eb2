package org.veridianos.ide.inspect;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.InspectException;
import org.veridianos.inspect.LiveSource;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.SnapshotSource;
import org.veridianos.machine.GuestMemory;
import org.veridianos.machine.Session;

/**
 * One {@link LiveSource} for each machine that somebody looks at, however many look: the image is parsed and the RAM mapped
 * once. The last one who closes closes it.
 */
public final class SharedSources {

    private static final Map<String, Shared> OPEN = new HashMap<>();

    private SharedSources() {
    }

    /** What tells machines apart: names are used again as soon as a machine has ended. */
    public static String key(Session session) {
        return session.folder() + "@" + session.created();
    }

    /**
     * A source of a machine's snapshots. Reads files: not for the UI thread.
     *
     * @throws InspectException when its kernel or its RAM cannot be read, in one line
     */
    public static SnapshotSource open(Session session) throws InspectException {
        String key = key(session);
        synchronized (OPEN) {
            Shared shared = OPEN.get(key);
            if (shared == null) {
                shared = new Shared(key, LiveSource.open(session));
                OPEN.put(key, shared);
            }
            shared.users++;
            return new Use(shared);
        }
    }

    private static final class Shared {
        private final String key;
        private final LiveSource source;
        private int users;

        Shared(String key, LiveSource source) {
            this.key = key;
            this.source = source;
        }
    }

    /** One user's end of a shared source. */
    private static final class Use implements SnapshotSource {
        private final Shared shared;
        private final AtomicBoolean closed = new AtomicBoolean();

        Use(Shared shared) {
            this.shared = shared;
        }

        @Override
        public Machine machine() {
            return shared.source.machine();
        }

        @Override
        public Status status() {
            return closed.get() ? new Status(false, machine().id() + " is closed") : shared.source.status();
        }

        @Override
        public Snapshot take(Request what, Cancel cancel) throws InspectException {
            if (closed.get()) {
                throw new InspectException(machine().id() + " is closed");
            }
            return shared.source.take(what, cancel);
        }

        @Override
        public GuestMemory memory() {
            return shared.source.memory();
        }

        @Override
        public void close() {
            if (!closed.compareAndSet(false, true)) {
                return;
            }
            synchronized (OPEN) {
                if (--shared.users == 0) {
                    OPEN.remove(shared.key);
                    shared.source.close();
                }
            }
        }
    }
}
