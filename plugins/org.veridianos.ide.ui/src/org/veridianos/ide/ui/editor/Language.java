package org.veridianos.ide.ui.editor;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.runtime.content.IContentType;
import org.eclipse.core.runtime.content.IContentTypeManager;
import org.eclipse.core.runtime.Platform;

/** What the editor knows of a language: how comments and strings look, and which words mean something. */
public enum Language {
    /** Rust. */
    RUST("rust", "//", true, true, Words.RUST_KEYWORDS, Words.RUST_TYPES),
    /** TOML: Cargo manifests and tool settings. */
    TOML("toml", "#", false, false, Set.of("true", "false", "inf", "nan"), Set.of()),
    /** GNU linker scripts. */
    LINKER_SCRIPT("linkerScript", null, true, false, Words.LINKER_KEYWORDS, Words.LINKER_FUNCTIONS),
    /** Assembly of all three architectures, with the C preprocessor. */
    ASSEMBLY("assembly", "//", true, false, Set.of(), Set.of());

    private static final String CONTENT_TYPE_PREFIX = "org.veridianos.ide.ui.";

    private final String id;
    private final String lineComment;
    private final boolean blockComments;
    private final boolean nestedComments;
    private final Set<String> keywords;
    private final Set<String> types;

    Language(String id, String lineComment, boolean blockComments, boolean nestedComments, Set<String> keywords, Set<String> types) {
        this.id = id;
        this.lineComment = lineComment;
        this.blockComments = blockComments;
        this.nestedComments = nestedComments;
        this.keywords = keywords;
        this.types = types;
    }

    /** The id of the language's content type. */
    public String contentType() {
        return CONTENT_TYPE_PREFIX + id;
    }

    /** What begins a comment that ends with the line; null where there is none. */
    public String lineComment() {
        return lineComment;
    }

    /** Whether {@code /* … *}{@code /} is a comment. */
    public boolean hasBlockComments() {
        return blockComments;
    }

    boolean nestsComments() {
        return nestedComments;
    }

    Set<String> keywords() {
        return keywords;
    }

    Set<String> types() {
        return types;
    }

    /** The language of a content type or of one of its parents. */
    public static Optional<Language> of(IContentType type) {
        IContentTypeManager manager = Platform.getContentTypeManager();
        for (Language language : values()) {
            IContentType own = manager.getContentType(language.contentType());
            if (type != null && own != null && type.isKindOf(own)) {
                return Optional.of(language);
            }
        }
        return Optional.empty();
    }

    /** The language of a file by its name. */
    public static Optional<Language> of(String fileName) {
        return List.of(Platform.getContentTypeManager().findContentTypesFor(fileName)).stream().flatMap(t -> of(t).stream()).findFirst();
    }

    /** The language of a file of the workspace. */
    public static Optional<Language> of(IFile file) {
        return of(file.getName());
    }

    private static final class Words {
        static final Set<String> RUST_KEYWORDS = Set.of("as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern",
                "false", "fn", "for", "if", "impl", "in", "let", "loop", "macro_rules", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "static",
                "struct", "super", "trait", "true", "type", "union", "unsafe", "use", "where", "while", "yield", "box", "try");
        static final Set<String> RUST_TYPES = Set.of("bool", "char", "str", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
                "usize", "f32", "f64", "Self");
        static final Set<String> LINKER_KEYWORDS = Set.of("SECTIONS", "MEMORY", "PHDRS", "ENTRY", "OUTPUT_FORMAT", "OUTPUT_ARCH", "INPUT", "GROUP", "INCLUDE",
                "EXTERN", "STARTUP", "SEARCH_DIR", "VERSION", "PT_LOAD", "PT_NOTE", "PT_DYNAMIC", "PT_TLS", "PT_NULL", "PT_INTERP", "PT_PHDR", "FLAGS", "AT",
                "NOLOAD", "OVERLAY", "INSERT", "AFTER", "BEFORE", "FILEHDR", "ORIGIN", "LENGTH", "COMMON");
        static final Set<String> LINKER_FUNCTIONS = Set.of("KEEP", "PROVIDE", "PROVIDE_HIDDEN", "HIDDEN", "ALIGN", "ASSERT", "SIZEOF", "ADDR", "LOADADDR",
                "SIZEOF_HEADERS", "BYTE", "SHORT", "LONG", "QUAD", "FILL", "SORT", "SORT_BY_NAME", "SORT_BY_ALIGNMENT", "EXCLUDE_FILE", "DEFINED", "MAX", "MIN",
                "CONSTANT", "SUBALIGN", "ALIGNOF", "SEGMENT_START", "BLOCK");

        private Words() {
        }
    }
}
