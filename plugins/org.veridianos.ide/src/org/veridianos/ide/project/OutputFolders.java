package org.veridianos.ide.project;

import java.util.List;
import org.eclipse.core.resources.FileInfoMatcherDescription;
import org.eclipse.core.resources.IFolder;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.resources.IResourceFilterDescription;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.SubMonitor;

/**
 * Keeps cargo's output out of the workspace: the folders are there, derived and empty. A filter hides everything in them,
 * so a refresh never walks tens of thousands of files, whatever triggers it.
 */
public final class OutputFolders {

    private static final String MATCHER = "org.eclipse.core.resources.regexFilterMatcher";
    private static final List<String> NAMES = List.of("target", "user/target");

    private OutputFolders() {
    }

    /** Sets the folders of {@code project} up. Does nothing when they are. */
    public static void set(IProject project, IProgressMonitor monitor) throws CoreException {
        SubMonitor progress = SubMonitor.convert(monitor, NAMES.size());
        for (String name : NAMES) {
            IFolder folder = project.getFolder(name);
            if (folder.getParent().exists()) {
                hide(folder, progress.split(1));
            }
        }
    }

    private static void hide(IFolder folder, SubMonitor progress) throws CoreException {
        if (!folder.exists()) {
            folder.create(IResource.FORCE | IResource.DERIVED, true, progress);
        }
        if (!folder.isDerived()) {
            folder.setDerived(true, null);
        }
        if (folder.getFilters().length == 0) {
            folder.createFilter(IResourceFilterDescription.EXCLUDE_ALL | IResourceFilterDescription.FILES | IResourceFilterDescription.FOLDERS,
                    new FileInfoMatcherDescription(MATCHER, ".*"), IResource.BACKGROUND_REFRESH, null);
        }
    }
}
