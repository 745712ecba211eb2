package org.veridianos.ide.ui.editor;

import org.eclipse.jface.text.BadLocationException;
import org.eclipse.jface.text.IDocument;
import org.eclipse.jface.text.rules.IPartitionTokenScanner;
import org.eclipse.jface.text.rules.IToken;
import org.eclipse.jface.text.rules.Token;

/**
 * Cuts a document into comments, strings and code.
 *
 * <p>Written by hand, because rules cannot say nested comments, raw strings with their own number of hashes, or that a
 * quote begins a character and not a lifetime. A partition is always read from its beginning, so no state survives it.
 */
final class PartitionScanner implements IPartitionTokenScanner {

    private static final IToken COMMENT = new Token(Partitions.COMMENT);
    private static final IToken DOCUMENTATION = new Token(Partitions.DOCUMENTATION);
    private static final IToken STRING = new Token(Partitions.STRING);
    private static final IToken CODE = new Token(null);

    private final Language language;
    private IDocument document;
    private int at;
    private int end;
    private int tokenStart;

    PartitionScanner(Language language) {
        this.language = language;
    }

    @Override
    public void setRange(IDocument document, int offset, int length) {
        this.document = document;
        at = offset;
        tokenStart = offset;
        end = Math.min(document.getLength(), offset + length);
    }

    @Override
    public void setPartialRange(IDocument document, int offset, int length, String contentType, int partitionOffset) {
        int from = partitionOffset >= 0 && partitionOffset < offset ? partitionOffset : offset;
        setRange(document, from, offset + length - from);
    }

    @Override
    public int getTokenOffset() {
        return tokenStart;
    }

    @Override
    public int getTokenLength() {
        return at - tokenStart;
    }

    @Override
    public IToken nextToken() {
        tokenStart = at;
        if (at >= end) {
            return Token.EOF;
        }
        IToken special = special();
        if (special != null) {
            return special;
        }
        at++;
        while (at < end) {
            int here = at;
            if (special() != null) {
                at = here;
                return CODE;
            }
            at++;
        }
        return CODE;
    }

    private int peek(int ahead) {
        try {
            return at + ahead < document.getLength() ? document.getChar(at + ahead) : -1;
        } catch (BadLocationException outside) {
            return -1;
        }
    }

    private boolean looking(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (peek(i) != text.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /** Reads a comment or string that begins here and says which; null, without moving, when none does. */
    private IToken special() {
        int c = peek(0);
        return switch (c) {
            case '/' -> comment();
            case '#' -> hash();
            case '"' -> language == Language.TOML && looking("\"\"\"") ? delimited("\"\"\"", true) : language == Language.TOML ? delimitedLine('"') : quoted();
            case '\'' -> apostrophe();
            case 'r', 'b', 'c' -> language == Language.RUST ? prefixedString() : null;
            default -> null;
        };
    }

    private IToken comment() {
        if (language.hasBlockComments() && peek(1) == '*') {
            boolean documentation = language == Language.RUST && (peek(2) == '!' || peek(2) == '*' && peek(3) != '*' && peek(3) != '/');
            int depth = 1;
            at += 2;
            while (at < document.getLength() && depth > 0) {
                if (looking("*/")) {
                    depth--;
                    at += 2;
                } else if (language.nestsComments() && looking("/*")) {
                    depth++;
                    at += 2;
                } else {
                    at++;
                }
            }
            return documentation ? DOCUMENTATION : COMMENT;
        }
        if ("//".equals(language.lineComment()) && peek(1) == '/') {
            boolean documentation = language == Language.RUST && (peek(2) == '!' || peek(2) == '/' && peek(3) != '/');
            toLineEnd();
            return documentation ? DOCUMENTATION : COMMENT;
        }
        return null;
    }

    /** A hash begins a comment in TOML, and in assembly when a blank follows (elsewhere it is an operand or a directive). */
    private IToken hash() {
        boolean comment = language == Language.TOML || language == Language.ASSEMBLY && (peek(1) == ' ' || peek(1) == '\t' || peek(1) == '#');
        if (!comment) {
            return null;
        }
        toLineEnd();
        return COMMENT;
    }

    private void toLineEnd() {
        while (at < document.getLength() && peek(0) != '\n' && peek(0) != '\r') {
            at++;
        }
    }

    private IToken quoted() {
        at++;
        boolean oneLine = language != Language.RUST;
        while (at < document.getLength()) {
            int c = peek(0);
            at++;
            if (c == '"' || oneLine && c == '\n') {
                break;
            }
            if (c == '\\') {
                at = Math.min(at + 1, document.getLength());
            }
        }
        return STRING;
    }

    private IToken delimitedLine(char delimiter) {
        at++;
        while (at < document.getLength() && peek(0) != '\n') {
            int c = peek(0);
            at++;
            if (c == delimiter) {
                break;
            }
            if (c == '\\' && delimiter == '"') {
                at = Math.min(at + 1, document.getLength());
            }
        }
        return STRING;
    }

    private IToken delimited(String delimiter, boolean escapes) {
        at += delimiter.length();
        while (at < document.getLength() && !looking(delimiter)) {
            at += escapes && peek(0) == '\\' ? 2 : 1;
        }
        at = Math.min(at + delimiter.length(), document.getLength());
        return STRING;
    }

    private IToken apostrophe() {
        return switch (language) {
            case TOML -> looking("'''") ? delimited("'''", false) : delimitedLine('\'');
            case RUST, ASSEMBLY -> character();
            case LINKER_SCRIPT -> null;
        };
    }

    /** {@code 'x'} and {@code '\n'} are characters; {@code 'x} is a lifetime and stays code. */
    private IToken character() {
        int length;
        if (peek(1) == '\\') {
            length = 3;
            while (peek(length) != '\'' && peek(length) > ' ' && length < 12) {
                length++;
            }
        } else {
            length = Character.isHighSurrogate((char) peek(1)) ? 3 : 2;
        }
        if (peek(length) != '\'' || peek(1) == '\'') {
            return null;
        }
        at += length + 1;
        return STRING;
    }

    /** {@code r"…"}, {@code r#"…"#}, {@code b"…"}, {@code br"…"}, {@code c"…"}, {@code cr"…"} and {@code b'x'}. */
    private IToken prefixedString() {
        if (at > 0 && Character.isJavaIdentifierPart((char) peek(-1))) {
            return null;
        }
        int prefix = looking("br") || looking("cr") ? 2 : 1;
        boolean raw = peek(prefix - 1) == 'r';
        int hashes = 0;
        while (raw && peek(prefix + hashes) == '#') {
            hashes++;
        }
        int start = at;
        if (peek(prefix + hashes) == '"') {
            at += prefix + hashes;
            if (raw) {
                return delimitedRaw(hashes);
            }
            return quoted();
        }
        if (peek(0) == 'b' && peek(1) == '\'') {
            at++;
            IToken token = character();
            at = token == null ? start : at;
            return token;
        }
        return null;
    }

    private IToken delimitedRaw(int hashes) {
        String close = '"' + "#".repeat(hashes);
        at++;
        while (at < document.getLength() && !looking(close)) {
            at++;
        }
        at = Math.min(at + close.length(), document.getLength());
        return STRING;
    }
}
