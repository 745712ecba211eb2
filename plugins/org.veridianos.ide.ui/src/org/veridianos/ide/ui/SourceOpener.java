package org.veridianos.ide.ui;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.ILog;
import org.eclipse.core.runtime.IPath;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.jface.text.BadLocationException;
import org.eclipse.jface.text.IDocument;
import org.eclipse.ui.IEditorPart;
import org.eclipse.ui.IWorkbenchPage;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PartInitException;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.ide.IDE;
import org.eclipse.ui.texteditor.ITextEditor;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.ui.terminal.SourceLink;

/** Opens the place in the sources that a guest has printed. Looking for the file happens in a job. */
public final class SourceOpener {

    private SourceOpener() {
    }

    /**
     * Opens {@code link} in an editor.
     *
     * @param kernelFolder the kernel that the guest was built from
     */
    public static void open(String kernelFolder, SourceLink link) {
        Job job = Job.create(Messages.SourceOpener_looking, monitor -> {
            try {
                List<IFile> found = find(kernelFolder, link.path());
                PlatformUI.getWorkbench().getDisplay().asyncExec(() -> show(found, link));
                return Status.OK_STATUS;
            } catch (CoreException projectClosed) {
                return projectClosed.getStatus();
            }
        });
        job.setSystem(true);
        job.schedule();
    }

    private static List<IFile> find(String kernelFolder, String path) throws CoreException {
        List<IFile> found = new ArrayList<>();
        for (KernelProject project : KernelProject.all()) {
            if (!project.location().equals(Path.of(kernelFolder))) {
                continue;
            }
            IPath wanted = IPath.fromOSString(path);
            IPath root = IPath.fromPath(project.location());
            IPath relative = root.isPrefixOf(wanted) ? wanted.makeRelativeTo(root) : wanted.makeRelative();
            if (project.resource().getFile(relative).exists()) {
                found.add(project.resource().getFile(relative));
                continue;
            }
            project.resource().accept(proxy -> {
                if (proxy.getType() == IResource.FILE && proxy.getName().equals(relative.lastSegment())
                        && proxy.requestFullPath().toString().endsWith('/' + relative.toString())) {
                    found.add((IFile) proxy.requestResource());
                }
                return !proxy.isDerived();
            }, IResource.NONE);
        }
        return found;
    }

    private static void show(List<IFile> found, SourceLink link) {
        IWorkbenchWindow window = PlatformUI.getWorkbench().getActiveWorkbenchWindow();
        if (window == null || found.isEmpty()) {
            return;
        }
        IWorkbenchPage page = window.getActivePage();
        try {
            // Two events: making the part and giving it the focus each take the platform long enough.
            IEditorPart editor = IDE.openEditor(page, found.get(0), false);
            window.getShell().getDisplay().asyncExec(() -> reveal(page, editor, link));
        } catch (PartInitException notShown) {
            ILog.of(SourceOpener.class).warn(notShown.getMessage(), notShown);
        }
    }

    private static void reveal(IWorkbenchPage page, IEditorPart editor, SourceLink link) {
        ITextEditor text = editor.getAdapter(ITextEditor.class);
        IDocument document = text == null ? null : text.getDocumentProvider().getDocument(text.getEditorInput());
        if (document != null) {
            page.activate(editor);
            try {
                int line = Math.clamp(link.line() - 1L, 0, document.getNumberOfLines() - 1);
                int column = Math.clamp(link.column() - 1L, 0, document.getLineLength(line));
                text.selectAndReveal(document.getLineOffset(line) + column, 0);
            } catch (BadLocationException changedMeanwhile) {
                ILog.of(SourceOpener.class).warn(changedMeanwhile.getMessage(), changedMeanwhile);
            }
        }
    }
}
