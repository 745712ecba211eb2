package org.veridianos.ide.ui.editor;

import org.eclipse.core.filebuffers.FileBuffers;
import org.eclipse.core.filebuffers.IAnnotationModelFactory;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IMarker;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.runtime.IPath;
import org.eclipse.jface.text.source.AnnotationModel;
import org.eclipse.jface.text.source.IAnnotationModel;
import org.eclipse.ui.ide.IDE;
import org.eclipse.ui.texteditor.MarkerAnnotation;
import org.eclipse.ui.texteditor.ResourceMarkerAnnotationModel;

/**
 * The annotations beside our sources. Which of them can be fixed is said here from the markers' resolutions: the generic editor
 * itself takes every marker for one with a fix, and would put a light bulb beside each compiler error.
 */
public final class SourceAnnotations implements IAnnotationModelFactory {

    @Override
    public IAnnotationModel createAnnotationModel(IPath location) {
        IFile file = FileBuffers.getWorkspaceFileAtLocation(location);
        return file == null ? new AnnotationModel() : new Model(file);
    }

    private static final class Model extends ResourceMarkerAnnotationModel {

        Model(IResource resource) {
            super(resource);
        }

        @Override
        protected MarkerAnnotation createMarkerAnnotation(IMarker marker) {
            MarkerAnnotation annotation = super.createMarkerAnnotation(marker);
            annotation.setQuickFixable(IDE.getMarkerHelpRegistry().hasResolutions(marker));
            return annotation;
        }
    }
}
