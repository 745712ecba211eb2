package org.veridianos.ide.ui.editor;

import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import org.eclipse.core.resources.IMarker;
import org.eclipse.jface.text.IRegion;
import org.eclipse.jface.text.ITextHover;
import org.eclipse.jface.text.ITextViewer;
import org.eclipse.jface.text.Position;
import org.eclipse.jface.text.Region;
import org.eclipse.jface.text.source.Annotation;
import org.eclipse.jface.text.source.IAnnotationModel;
import org.eclipse.jface.text.source.ISourceViewer;
import org.eclipse.ui.texteditor.MarkerAnnotation;
import org.veridianos.ide.build.Problems;

/** Shows the compiler's whole message, with its excerpt and hints, where the Problems view shows one line. */
public final class CompilerMessageHover implements ITextHover {

    @Override
    public String getHoverInfo(ITextViewer viewer, IRegion region) {
        if (!(viewer instanceof ISourceViewer source) || source.getAnnotationModel() == null) {
            return null;
        }
        IAnnotationModel model = source.getAnnotationModel();
        Set<String> messages = new LinkedHashSet<>();
        for (Iterator<Annotation> all = model.getAnnotationIterator(); all.hasNext();) {
            Annotation annotation = all.next();
            Position position = model.getPosition(annotation);
            if (annotation instanceof MarkerAnnotation marker && position != null
                    && position.overlapsWith(region.getOffset(), Math.max(1, region.getLength()))) {
                String rendered = marker.getMarker().getAttribute(Problems.RENDERED, marker.getMarker().getAttribute(IMarker.MESSAGE, ""));
                messages.add(rendered.strip());
            }
        }
        return messages.isEmpty() ? null : String.join("\n\n", messages);
    }

    @Override
    public IRegion getHoverRegion(ITextViewer viewer, int offset) {
        return new Region(offset, 0);
    }
}
