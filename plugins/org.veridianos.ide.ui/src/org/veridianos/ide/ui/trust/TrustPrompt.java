package org.veridianos.ide.ui.trust;

import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.IResourceChangeEvent;
import org.eclipse.core.resources.IResourceChangeListener;
import org.eclipse.core.resources.IResourceDelta;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.swt.widgets.Display;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PlatformUI;
import org.veridianos.ide.project.KernelProject;

/**
 * Asks when a kernel project that came from outside appears in the workspace, once per location and session. Whoever
 * asks by himself, as the wizard does, says so with {@link #asked}.
 */
public final class TrustPrompt implements IResourceChangeListener {

    private static final Set<Path> ASKED = ConcurrentHashMap.newKeySet();

    /** The user has been asked about {@code location} in another way. */
    public static void asked(Path location) {
        ASKED.add(location);
    }

    /** Begins to watch the workspace. */
    public void start() {
        ResourcesPlugin.getWorkspace().addResourceChangeListener(this, IResourceChangeEvent.POST_CHANGE);
    }

    @Override
    public void resourceChanged(IResourceChangeEvent event) {
        for (IResourceDelta delta : event.getDelta().getAffectedChildren()) {
            boolean opened = delta.getKind() == IResourceDelta.ADDED || (delta.getFlags() & (IResourceDelta.OPEN | IResourceDelta.DESCRIPTION)) != 0;
            if (opened && delta.getResource() instanceof IProject project) {
                Optional<KernelProject> kernel = KernelProject.of(project);
                if (kernel.isPresent() && !kernel.get().isTrusted() && ASKED.add(kernel.get().location())) {
                    Display display = PlatformUI.getWorkbench().getDisplay();
                    display.asyncExec(() -> ask(kernel.get()));
                }
            }
        }
    }

    private static void ask(KernelProject kernel) {
        IWorkbenchWindow window = PlatformUI.getWorkbench().getActiveWorkbenchWindow();
        if (KernelProject.of(kernel.resource()).isPresent()) {
            TrustLocation.ask(window == null ? null : window.getShell(), kernel);
        }
    }
}
