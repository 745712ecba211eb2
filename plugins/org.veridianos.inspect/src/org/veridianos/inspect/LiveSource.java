package org.veridianos.inspect;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import org.veridianos.inspect.image.KernelImage;
import org.veridianos.machine.GuestMemory;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.SegmentedMemory;
import org.veridianos.machine.Session;

/** A running machine, read through its shared RAM: it neither stops nor notices. */
public final class LiveSource extends MemorySource {

    private final Session session;

    private LiveSource(Session session, GuestMemory memory, KernelImage image) {
        super(new Machine(session.id(), session.id() + " (" + session.architecture().id() + ")", session.architecture(), session.elf(), session.project()), memory,
                image);
        this.session = session;
    }

    /**
     * Opens a session, of the command line or of an IDE; any number of visitors may at once.
     *
     * @throws InspectException when its kernel or its RAM cannot be read, in one line
     */
    public static LiveSource open(Session session) throws InspectException {
        try {
            KernelImage image = KernelImage.read(session.elf());
            return new LiveSource(session, SegmentedMemory.of(session), image);
        } catch (IOException unreadable) {
            String reason = unreadable instanceof NoSuchFileException ? session.elf() + " is gone; build the kernel and boot it again"
                    : unreadable.getMessage();
            throw new InspectException(reason, unreadable);
        } catch (MachineException gone) {
            throw new InspectException(gone.getMessage(), gone);
        }
    }

    /** The session. */
    public Session session() {
        return session;
    }

    @Override
    public Status status() {
        Status status = super.status();
        return !status.alive() || session.isRunning() ? status : new Status(false, "the machine " + session.id() + " has ended");
    }
}
