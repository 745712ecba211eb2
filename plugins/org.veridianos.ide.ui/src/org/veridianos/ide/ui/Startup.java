package org.veridianos.ide.ui;

import org.eclipse.ui.IStartup;
import org.veridianos.ide.ui.commands.ArchitectureRefresher;
import org.veridianos.ide.ui.console.GuestConsoles;
import org.veridianos.ide.ui.trust.TrustPrompt;
import org.veridianos.ide.ui.welcome.EmptyEditorArea;

/** What has to be there as soon as the window is: consoles for machines, questions of trust, what the command line asked for. */
public final class Startup implements IStartup {

    @Override
    public void earlyStartup() {
        new IconPreparation().schedule();
        EmptyEditorArea.addToWindows();
        new GuestConsoles().start();
        new ArchitectureRefresher().start();
        new TrustPrompt().start();
        StudioRequest.fromSystemProperties().ifPresent(StudioRequest::schedule);
    }
}
