package org.veridianos.ide.ui.editor;

import java.util.Map;
import org.eclipse.jface.text.BadLocationException;
import org.eclipse.jface.text.IDocument;
import org.eclipse.jface.text.rules.IToken;
import org.eclipse.jface.text.rules.ITokenScanner;
import org.eclipse.jface.text.rules.Token;

/** Finds the words of the code between comments and strings. */
final class CodeScanner implements ITokenScanner {

    private final Language language;
    private final Map<SourceColour, IToken> tokens;
    private IDocument document;
    private int at;
    private int end;
    private int tokenStart;

    CodeScanner(Language language, Map<SourceColour, IToken> tokens) {
        this.language = language;
        this.tokens = tokens;
    }

    @Override
    public void setRange(IDocument document, int offset, int length) {
        this.document = document;
        at = offset;
        end = offset + length;
        tokenStart = offset;
    }

    @Override
    public int getTokenOffset() {
        return tokenStart;
    }

    @Override
    public int getTokenLength() {
        return at - tokenStart;
    }

    private char peek(int ahead) {
        try {
            return at + ahead < end && at + ahead >= 0 ? document.getChar(at + ahead) : 0;
        } catch (BadLocationException outside) {
            return 0;
        }
    }

    @Override
    public IToken nextToken() {
        tokenStart = at;
        if (at >= end) {
            return Token.EOF;
        }
        char c = peek(0);
        if (Character.isWhitespace(c)) {
            while (at < end && Character.isWhitespace(peek(0))) {
                at++;
            }
            return Token.WHITESPACE;
        }
        if (Character.isDigit(c)) {
            return number();
        }
        SourceColour colour = switch (language) {
            case RUST -> rust(c);
            case TOML -> toml(c);
            case LINKER_SCRIPT -> linkerScript(c);
            case ASSEMBLY -> assembly(c);
        };
        return colour == null ? Token.UNDEFINED : tokens.get(colour);
    }

    private IToken number() {
        while (at < end && (Character.isLetterOrDigit(peek(0)) || peek(0) == '_' || peek(0) == '.' && Character.isDigit(peek(1))
                || language == Language.TOML && (peek(0) == '-' || peek(0) == ':') && Character.isDigit(peek(1)))) {
            at++;
        }
        return tokens.get(SourceColour.NUMBER);
    }

    private String word(String extra) {
        int start = at;
        while (at < end && (Character.isLetterOrDigit(peek(0)) || peek(0) == '_' || extra.indexOf(peek(0)) >= 0)) {
            at++;
        }
        try {
            return document.get(start, at - start);
        } catch (BadLocationException outside) {
            return "";
        }
    }

    private SourceColour rust(char c) {
        if (c == '#' && (peek(1) == '[' || peek(1) == '!' && peek(2) == '[')) {
            return attribute();
        }
        if (c == '\'') {
            at++;
            word("");
            return SourceColour.LIFETIME;
        }
        if (!Character.isLetter(c) && c != '_') {
            at++;
            return null;
        }
        String word = word("");
        if (word.equals("r") && peek(0) == '#') {
            at++;
            word("");
            return null;
        }
        if (peek(0) == '!' && peek(1) != '=') {
            at++;
            return SourceColour.MACRO;
        }
        if (language.keywords().contains(word)) {
            return SourceColour.KEYWORD;
        }
        if (language.types().contains(word)) {
            return SourceColour.TYPE;
        }
        if (isConstant(word)) {
            return SourceColour.CONSTANT;
        }
        if (Character.isUpperCase(word.charAt(0))) {
            return SourceColour.TYPE;
        }
        return peek(0) == '(' ? SourceColour.FUNCTION : null;
    }

    private static boolean isConstant(String word) {
        boolean letters = false;
        for (int i = 0; i < word.length(); i++) {
            if (Character.isLowerCase(word.charAt(i))) {
                return false;
            }
            letters |= Character.isUpperCase(word.charAt(i));
        }
        return letters && word.length() > 1;
    }

    private SourceColour attribute() {
        int depth = 0;
        do {
            char c = peek(0);
            depth += c == '[' ? 1 : c == ']' ? -1 : 0;
            at++;
            if (c == ']' && depth == 0) {
                break;
            }
        } while (at < end && peek(0) != '\n');
        return SourceColour.ATTRIBUTE;
    }

    private boolean atLineStart() {
        for (int i = -1;; i--) {
            try {
                if (at + i < 0) {
                    return true;
                }
                char c = document.getChar(at + i);
                if (c == '\n' || c == '\r') {
                    return true;
                }
                if (c != ' ' && c != '\t') {
                    return false;
                }
            } catch (BadLocationException outside) {
                return true;
            }
        }
    }

    private SourceColour toml(char c) {
        boolean first = atLineStart();
        if (c == '[' && first) {
            while (at < end && peek(0) != '\n') {
                at++;
            }
            return SourceColour.TYPE;
        }
        if (!Character.isLetter(c) && c != '_') {
            at++;
            return null;
        }
        String word = word("-.");
        if (language.keywords().contains(word)) {
            return SourceColour.KEYWORD;
        }
        int ahead = 0;
        while (peek(ahead) == ' ' || peek(ahead) == '\t') {
            ahead++;
        }
        return peek(ahead) == '=' ? SourceColour.ATTRIBUTE : null;
    }

    private SourceColour linkerScript(char c) {
        if (c == '.') {
            at++;
            String name = word(".");
            return name.isEmpty() ? SourceColour.LIFETIME : SourceColour.TYPE;
        }
        if (!Character.isLetter(c) && c != '_') {
            at++;
            return null;
        }
        String word = word("");
        if (language.keywords().contains(word)) {
            return SourceColour.KEYWORD;
        }
        return language.types().contains(word) ? SourceColour.MACRO : null;
    }

    private SourceColour assembly(char c) {
        boolean first = atLineStart();
        if (c == '#' && first) {
            at++;
            word("");
            return SourceColour.MACRO;
        }
        if (c == '%' || c == '$' || c == '\\') {
            at++;
            word("");
            return c == '$' ? SourceColour.NUMBER : c == '%' ? SourceColour.TYPE : SourceColour.LIFETIME;
        }
        if (!Character.isLetter(c) && c != '_' && c != '.') {
            at++;
            return null;
        }
        String word = word(".$");
        if (word.isEmpty()) {
            at++;
            return null;
        }
        if (peek(0) == ':') {
            at++;
            return SourceColour.FUNCTION;
        }
        if (c == '.') {
            return first ? SourceColour.ATTRIBUTE : null;
        }
        if (first) {
            return SourceColour.KEYWORD;
        }
        return isRegister(word) ? SourceColour.TYPE : isConstant(word) ? SourceColour.CONSTANT : null;
    }

    /** Registers as AArch64, RISC-V and Intel-syntax x86 write them. */
    private static boolean isRegister(String word) {
        return word.matches("[xwvqdasft]\\d{1,2}|sp|ra|gp|tp|fp|lr|zero|pc|[xw]zr|[re]?[abcd]x|[re]?[sd]i|[re]?[sb]p|r\\d{1,2}[dwb]?|cr\\d|[abcd][lh]|[cdefgs]s|rip");
    }
}
