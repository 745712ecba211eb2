package org.veridianos.ide.ui.trust;

import org.eclipse.core.resources.IMarker;
import org.eclipse.swt.graphics.Image;
import org.eclipse.ui.IMarkerResolution;
import org.eclipse.ui.IMarkerResolution2;
import org.eclipse.ui.IMarkerResolutionGenerator2;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PlatformUI;
import org.veridianos.ide.build.Problems;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.ui.Images;

/** The quick fix of the marker that says a location is not trusted. */
public final class TrustResolutions implements IMarkerResolutionGenerator2 {

    @Override
    public boolean hasResolutions(IMarker marker) {
        return marker.getAttribute(Problems.UNTRUSTED, false);
    }

    @Override
    public IMarkerResolution[] getResolutions(IMarker marker) {
        return hasResolutions(marker) ? new IMarkerResolution[] {new Resolution()} : new IMarkerResolution[0];
    }

    private static final class Resolution implements IMarkerResolution2 {
        @Override
        public String getLabel() {
            return Messages.Trust_resolution;
        }

        @Override
        public void run(IMarker marker) {
            IWorkbenchWindow window = PlatformUI.getWorkbench().getActiveWorkbenchWindow();
            KernelProject.of(marker.getResource().getProject())
                    .ifPresent(kernel -> TrustLocation.ask(window == null ? null : window.getShell(), kernel));
        }

        @Override
        public String getDescription() {
            return Messages.Trust_resolutionDescription;
        }

        @Override
        public Image getImage() {
            return Images.get(Images.TRUST);
        }
    }
}
