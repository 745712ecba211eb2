package org.veridianos.ide.ui.editor;

import java.util.Optional;
import org.eclipse.core.commands.AbstractHandler;
import org.eclipse.core.commands.ExecutionEvent;
import org.eclipse.core.commands.ExecutionException;
import org.eclipse.core.resources.IFile;
import org.eclipse.jface.text.BadLocationException;
import org.eclipse.jface.text.IDocument;
import org.eclipse.jface.text.ITextSelection;
import org.eclipse.jface.text.ITextViewer;
import org.eclipse.jface.text.ITextViewerExtension;
import org.eclipse.text.edits.MultiTextEdit;
import org.eclipse.text.edits.TextEdit;
import org.eclipse.ui.IEditorPart;
import org.eclipse.ui.handlers.HandlerUtil;

/** <i>Toggle Comment</i> in a source editor. */
public final class ToggleCommentHandler extends AbstractHandler {

    @Override
    public Object execute(ExecutionEvent event) throws ExecutionException {
        IEditorPart editor = HandlerUtil.getActiveEditor(event);
        if (editor == null) {
            return null;
        }
        ITextViewer viewer = editor.getAdapter(ITextViewer.class);
        IFile file = editor.getEditorInput().getAdapter(IFile.class);
        String name = file != null ? file.getName() : editor.getEditorInput().getName();
        Optional<Language> language = Language.of(name);
        if (viewer == null || language.isEmpty() || !viewer.isEditable()) {
            return null;
        }
        try {
            toggle(viewer, language.get());
        } catch (BadLocationException changedMeanwhile) {
            throw new ExecutionException(changedMeanwhile.getMessage(), changedMeanwhile);
        }
        return null;
    }

    private static void toggle(ITextViewer viewer, Language language) throws BadLocationException {
        IDocument document = viewer.getDocument();
        ITextSelection selection = (ITextSelection) viewer.getSelectionProvider().getSelection();
        MultiTextEdit edit = new CommentToggle(document, language, selection.getOffset(), selection.getLength()).edit();
        if (viewer instanceof ITextViewerExtension extension) {
            extension.getRewriteTarget().beginCompoundChange();
            try {
                edit.apply(document, TextEdit.NONE);
            } finally {
                extension.getRewriteTarget().endCompoundChange();
            }
        }
    }
}
