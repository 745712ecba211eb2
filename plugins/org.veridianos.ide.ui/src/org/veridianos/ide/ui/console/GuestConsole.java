package org.veridianos.ide.ui.console;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.osgi.util.NLS;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.console.AbstractConsole;
import org.eclipse.ui.console.IConsoleView;
import org.eclipse.ui.part.IPageBookViewPage;
import org.veridianos.ide.launch.GuestOutput;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.ui.Images;
import org.veridianos.ide.ui.terminal.Terminal;

/**
 * One machine's serial line. Output comes on the machine's reader thread and goes into the terminal there; keys are
 * queued and written by a thread of their own, because a guest that does not read must not stop the window.
 */
public final class GuestConsole extends AbstractConsole implements GuestOutput {

    /** Type of these consoles, for contributions to the Console view. */
    public static final String TYPE = "org.veridianos.ide.ui.guestConsole";
    /** Keys waiting for a guest that does not read; what is typed beyond is dropped. */
    private static final int QUEUE = 4096;
    private static final byte[] END = {};

    private final MachineProcess process;
    private final Terminal terminal = new Terminal(80, 24);
    private final BlockingQueue<byte[]> keys = new LinkedBlockingQueue<>(QUEUE);
    private final AtomicBoolean over = new AtomicBoolean();

    GuestConsole(MachineProcess process) {
        super(process.getLabel(), TYPE, Images.descriptor(Images.CONSOLE), true);
        this.process = process;
    }

    /** Attaches to the machine: what it kept of its output is shown, then all that comes. */
    void connect() {
        terminal.onReply(this::type);
        Thread writer = new Thread(this::write, "keys of " + process.session().id());
        writer.setDaemon(true);
        writer.start();
        process.addListener(this);
    }

    /** The machine that is shown. */
    public MachineProcess process() {
        return process;
    }

    /** What it has printed. */
    public Terminal terminal() {
        return terminal;
    }

    /** Sends bytes to the guest, in order, without waiting. */
    public void type(byte[] bytes) {
        if (!over.get()) {
            keys.offer(bytes);
        }
    }

    private void write() {
        try {
            for (byte[] next = keys.take(); next != END; next = keys.take()) {
                process.type(next);
            }
        } catch (IOException closed) {
            // The machine has ended; the reader says so.
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void printed(byte[] bytes, int offset, int count) {
        terminal.feed(bytes, offset, count);
    }

    @Override
    public void ended(String reason) {
        if (!over.compareAndSet(false, true)) {
            return;
        }
        keys.clear();
        keys.offer(END);
        byte[] line = NLS.bind(Messages.GuestConsole_ended, reason).getBytes(StandardCharsets.UTF_8);
        terminal.feed(line, 0, line.length);
        if (PlatformUI.isWorkbenchRunning()) {
            PlatformUI.getWorkbench().getDisplay().asyncExec(() -> setName(NLS.bind(Messages.GuestConsole_endedName, process.getLabel())));
        }
    }

    @Override
    public IPageBookViewPage createPage(IConsoleView view) {
        return new GuestConsolePage(this);
    }

    @Override
    protected void dispose() {
        process.removeListener(this);
        over.set(true);
        keys.clear();
        keys.offer(END);
        super.dispose();
    }
}
