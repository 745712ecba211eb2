package org.veridianos.ide.ui;

import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.ui.ISharedImages;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.ide.IDE;

/**
 * Draws the icons of a project once beside the UI thread. The platform's renderer of SVG is a large program that is loaded with
 * the first icon, and that of a project brings the reader of embedded pictures too; without this job the window would
 * stall in the moment in which the first project appears.
 */
final class IconPreparation extends Job {

    private static final int ZOOM = 100;

    IconPreparation() {
        super(Messages.IconPreparation_name);
        setSystem(true);
        setPriority(DECORATE);
    }

    @Override
    protected IStatus run(IProgressMonitor monitor) {
        ISharedImages platform = PlatformUI.getWorkbench().getSharedImages();
        platform.getImageDescriptor(IDE.SharedImages.IMG_OBJ_PROJECT).getImageData(ZOOM);
        platform.getImageDescriptor(ISharedImages.IMG_OBJ_FOLDER).getImageData(ZOOM);
        Images.descriptor(Images.KERNEL_PROJECT).getImageData(ZOOM);
        return Status.OK_STATUS;
    }
}
