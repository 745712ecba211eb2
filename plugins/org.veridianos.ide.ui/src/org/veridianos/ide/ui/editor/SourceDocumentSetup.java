package org.veridianos.ide.ui.editor;

import org.eclipse.core.filebuffers.IDocumentSetupParticipant;
import org.eclipse.core.filebuffers.IDocumentSetupParticipantExtension;
import org.eclipse.core.filebuffers.LocationKind;
import org.eclipse.core.runtime.IPath;
import org.eclipse.jface.text.IDocument;

/** Partitions a document of one of our languages when its file is opened. */
public final class SourceDocumentSetup implements IDocumentSetupParticipant, IDocumentSetupParticipantExtension {

    @Override
    public void setup(IDocument document) {
        // The name of the file is needed; the other method has it.
    }

    @Override
    public void setup(IDocument document, IPath location, LocationKind locationKind) {
        if (location != null) {
            Language.of(location.lastSegment()).ifPresent(language -> Partitions.install(document, language));
        }
    }
}
