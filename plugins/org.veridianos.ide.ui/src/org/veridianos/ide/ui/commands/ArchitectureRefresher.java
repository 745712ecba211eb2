package org.veridianos.ide.ui.commands;

import java.util.Optional;
import org.eclipse.core.resources.IResourceChangeEvent;
import org.eclipse.core.resources.IResourceChangeListener;
import org.eclipse.core.resources.IResourceDelta;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.IPath;
import org.eclipse.jface.viewers.ISelection;
import org.eclipse.ui.ISelectionListener;
import org.eclipse.ui.IWorkbenchPart;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PlatformUI;
import org.veridianos.ide.project.KernelProject;

/** Keeps the architecture button true: it follows the selection, the projects that come and go, and their settings. */
public final class ArchitectureRefresher implements ISelectionListener, IResourceChangeListener {

    private static final IPath SETTINGS = IPath.fromPortableString(".settings");

    private Optional<KernelProject> shown = Optional.empty();

    /** Begins to listen. */
    public void start() {
        PlatformUI.getWorkbench().getDisplay().asyncExec(() -> {
            for (IWorkbenchWindow window : PlatformUI.getWorkbench().getWorkbenchWindows()) {
                window.getSelectionService().addPostSelectionListener(this);
            }
        });
        ResourcesPlugin.getWorkspace().addResourceChangeListener(this, IResourceChangeEvent.POST_CHANGE);
    }

    @Override
    public void selectionChanged(IWorkbenchPart part, ISelection selection) {
        Optional<KernelProject> now = ActiveKernel.in(part.getSite().getWorkbenchWindow());
        if (!now.equals(shown)) {
            shown = now;
            ArchitectureHandler.refresh();
        }
    }

    @Override
    public void resourceChanged(IResourceChangeEvent event) {
        for (IResourceDelta project : event.getDelta().getAffectedChildren()) {
            boolean cameOrWent = project.getKind() != IResourceDelta.CHANGED || (project.getFlags() & (IResourceDelta.OPEN | IResourceDelta.DESCRIPTION)) != 0;
            if (cameOrWent || project.findMember(SETTINGS) != null) {
                ArchitectureHandler.refresh();
                return;
            }
        }
    }
}
