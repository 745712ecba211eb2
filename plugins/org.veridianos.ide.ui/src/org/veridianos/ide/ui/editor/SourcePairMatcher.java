package org.veridianos.ide.ui.editor;

import org.eclipse.jface.text.source.DefaultCharacterPairMatcher;

/** Finds the bracket that belongs to the one at the caret, in code only: brackets in comments and strings do not count. */
public final class SourcePairMatcher extends DefaultCharacterPairMatcher {

    /** Called by the editor. */
    public SourcePairMatcher() {
        super(new char[] {'(', ')', '[', ']', '{', '}'}, Partitions.PARTITIONING);
    }
}
