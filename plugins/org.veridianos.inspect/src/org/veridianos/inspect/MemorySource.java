package org.veridianos.inspect;

import java.time.Instant;
import java.util.concurrent.locks.ReentrantLock;
import org.veridianos.inspect.image.KernelImage;
import org.veridianos.inspect.read.KernelMemory;
import org.veridianos.inspect.read.SnapshotReader;
import org.veridianos.machine.GuestMemory;

/** Snapshots of any memory with a kernel in it; what kinds of source have in common. */
public class MemorySource implements SnapshotSource {

    private final Machine machine;
    private final KernelImage image;
    private final KernelMemory kernel;
    private final GuestMemory memory;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile boolean closed;
    private volatile boolean checked;

    /** Takes over the memory and closes it. */
    public MemorySource(Machine machine, GuestMemory memory, KernelImage image) {
        this.machine = machine;
        this.image = image;
        this.memory = memory;
        this.kernel = new KernelMemory(memory, image);
    }

    @Override
    public Machine machine() {
        return machine;
    }

    /** The kernel's image. */
    public KernelImage image() {
        return image;
    }

    @Override
    public Status status() {
        return closed ? new Status(false, machine.id() + " is closed") : new Status(true, "");
    }

    @Override
    public Snapshot take(Request what, Cancel cancel) throws InspectException {
        lock.lock();
        try {
            Status status = status();
            if (closed || !status.alive() && !readableWhenDead()) {
                throw new InspectException(status.reason());
            }
            if (!checked) {
                kernel.check();
                checked = true;
            }
            Instant taken = Instant.now();
            long start = System.nanoTime();
            Snapshot.Content content = new SnapshotReader(kernel, what, cancel).read();
            return new Snapshot(machine, what, taken, System.nanoTime() - start, image.types(), content);
        } finally {
            lock.unlock();
        }
    }

    /** Whether memory stays when the machine is gone. */
    protected boolean readableWhenDead() {
        return false;
    }

    @Override
    public GuestMemory memory() {
        return memory;
    }

    @Override
    public void close() {
        closed = true;
        memory.close();
    }
}
