package org.veridianos.ide.ui.editor;

import org.eclipse.jface.text.IDocument;
import org.eclipse.jface.text.IDocumentExtension3;
import org.eclipse.jface.text.IDocumentPartitioner;
import org.eclipse.jface.text.rules.FastPartitioner;

/** The partitioning of a source document: comments, strings, and code for all the rest. */
final class Partitions {

    /** Name of the partitioning. */
    static final String PARTITIONING = "org.veridianos.ide.ui.source";
    static final String COMMENT = "org.veridianos.ide.ui.comment";
    static final String DOCUMENTATION = "org.veridianos.ide.ui.documentation";
    static final String STRING = "org.veridianos.ide.ui.string";
    static final String CODE = IDocument.DEFAULT_CONTENT_TYPE;

    private static final String[] TYPES = {COMMENT, DOCUMENTATION, STRING};

    private Partitions() {
    }

    /** Partitions {@code document}, unless it is already. */
    static void install(IDocument document, Language language) {
        if (document instanceof IDocumentExtension3 extension && extension.getDocumentPartitioner(PARTITIONING) == null) {
            IDocumentPartitioner partitioner = new FastPartitioner(new PartitionScanner(language), TYPES);
            extension.setDocumentPartitioner(PARTITIONING, partitioner);
            partitioner.connect(document);
        }
    }
}
