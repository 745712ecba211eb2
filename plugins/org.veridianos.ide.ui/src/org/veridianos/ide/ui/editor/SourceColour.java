package org.veridianos.ide.ui.editor;

/** What code means by its colour and style. The colours are the theme's: {@link #id()} under Colors and Fonts. */
enum SourceColour {
    KEYWORD(true), TYPE(false), FUNCTION(false), MACRO(false), CONSTANT(false), ATTRIBUTE(false), LIFETIME(false), NUMBER(false), STRING(false), COMMENT(
            false), DOCUMENTATION(false);

    private final boolean bold;

    SourceColour(boolean bold) {
        this.bold = bold;
    }

    /** The theme's colour. */
    String id() {
        return "org.veridianos.ide.ui.source." + name().toLowerCase(java.util.Locale.ROOT);
    }

    boolean isBold() {
        return bold;
    }
}
