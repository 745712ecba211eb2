package org.veridianos.ide.ui.editor;

import org.eclipse.jface.text.BadLocationException;
import org.eclipse.jface.text.IDocument;
import org.eclipse.jface.text.IRegion;
import org.eclipse.text.edits.DeleteEdit;
import org.eclipse.text.edits.InsertEdit;
import org.eclipse.text.edits.MultiTextEdit;
import org.eclipse.text.edits.ReplaceEdit;

/**
 * Comments lines out, or in again when all of them are. Where a language has no comment to the end of the line, each
 * line gets a block comment of its own.
 */
final class CommentToggle {

    private final IDocument document;
    private final Language language;
    private final int firstLine;
    private final int lastLine;

    CommentToggle(IDocument document, Language language, int offset, int length) throws BadLocationException {
        this.document = document;
        this.language = language;
        firstLine = document.getLineOfOffset(offset);
        int last = document.getLineOfOffset(offset + length);
        boolean endsBeforeLine = last > firstLine && document.getLineOffset(last) == offset + length;
        lastLine = endsBeforeLine ? last - 1 : last;
    }

    /** The change, one undoable step. */
    MultiTextEdit edit() throws BadLocationException {
        String open = language.lineComment() != null ? language.lineComment() : "/*";
        String close = language.lineComment() != null ? "" : "*/";
        boolean commented = true;
        int indent = Integer.MAX_VALUE;
        for (int line = firstLine; line <= lastLine; line++) {
            String text = text(line);
            if (!text.isBlank()) {
                commented &= text.strip().startsWith(open) && text.strip().endsWith(close);
                indent = Math.min(indent, indentation(text));
            }
        }
        MultiTextEdit edit = new MultiTextEdit();
        for (int line = firstLine; line <= lastLine && indent < Integer.MAX_VALUE; line++) {
            String text = text(line);
            if (text.isBlank()) {
                continue;
            }
            int start = document.getLineOffset(line);
            if (commented) {
                uncomment(edit, start, text, open, close);
            } else {
                edit.addChild(new InsertEdit(start + indent, open + " "));
                if (!close.isEmpty()) {
                    edit.addChild(new InsertEdit(start + text.stripTrailing().length(), " " + close));
                }
            }
        }
        return edit;
    }

    private static void uncomment(MultiTextEdit edit, int start, String text, String open, String close) {
        int from = indentation(text);
        int length = open.length() + (text.startsWith(" ", from + open.length()) ? 1 : 0);
        edit.addChild(new DeleteEdit(start + from, length));
        if (!close.isEmpty()) {
            int end = text.stripTrailing().length();
            int blank = end - close.length() > from + length && text.charAt(end - close.length() - 1) == ' ' ? 1 : 0;
            edit.addChild(new ReplaceEdit(start + end - close.length() - blank, close.length() + blank, ""));
        }
    }

    private String text(int line) throws BadLocationException {
        IRegion region = document.getLineInformation(line);
        return document.get(region.getOffset(), region.getLength());
    }

    private static int indentation(String text) {
        int n = 0;
        while (n < text.length() && Character.isWhitespace(text.charAt(n))) {
            n++;
        }
        return n;
    }
}
