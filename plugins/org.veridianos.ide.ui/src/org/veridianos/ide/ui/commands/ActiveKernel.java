package org.veridianos.ide.ui.commands;

import java.util.List;
import java.util.Optional;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.runtime.Adapters;
import org.eclipse.jface.viewers.ISelection;
import org.eclipse.jface.viewers.IStructuredSelection;
import org.eclipse.ui.IEditorPart;
import org.eclipse.ui.IWorkbenchPage;
import org.eclipse.ui.IWorkbenchWindow;
import org.veridianos.ide.project.KernelProject;

/** Which kernel a command without an argument means: the selected one, the edited one, else the first. */
public final class ActiveKernel {

    private ActiveKernel() {
    }

    /** The kernel that the user works with in {@code window}. UI thread only. */
    public static Optional<KernelProject> in(IWorkbenchWindow window) {
        IWorkbenchPage page = window == null ? null : window.getActivePage();
        if (page != null) {
            Optional<KernelProject> selected = of(page.getSelection());
            if (selected.isPresent()) {
                return selected;
            }
            IEditorPart editor = page.getActiveEditor();
            IFile file = editor == null ? null : Adapters.adapt(editor.getEditorInput(), IFile.class);
            if (file != null && KernelProject.of(file.getProject()).isPresent()) {
                return KernelProject.of(file.getProject());
            }
        }
        List<KernelProject> all = KernelProject.all();
        return all.isEmpty() ? Optional.empty() : Optional.of(all.get(0));
    }

    /** The kernel of the first selected element. */
    public static Optional<KernelProject> of(ISelection selection) {
        if (selection instanceof IStructuredSelection elements && !elements.isEmpty()) {
            IResource resource = Adapters.adapt(elements.getFirstElement(), IResource.class);
            return resource == null ? Optional.empty() : KernelProject.of(resource.getProject());
        }
        return Optional.empty();
    }
}
