package org.veridianos.ide.ui.wizards;

import java.nio.file.Path;
import org.eclipse.jface.viewers.IStructuredSelection;
import org.eclipse.ui.INewWizard;
import org.eclipse.ui.IWorkbench;
import org.veridianos.build.Target;
import org.veridianos.ide.project.CreateKernelProject;
import org.veridianos.ide.project.KernelProject;

/** Lays the bundled kernel sources out in a new project. */
public final class NewKernelProjectWizard extends KernelWizard implements INewWizard {

    private NewKernelProjectPage page;

    /** Called by the workbench. */
    public NewKernelProjectWizard() {
        setWindowTitle(Messages.NewProject_title);
    }

    @Override
    public void init(IWorkbench workbench, IStructuredSelection selection) {
        // A new project does not depend on what is selected.
    }

    @Override
    public void addPages() {
        page = new NewKernelProjectPage();
        addPage(page);
    }

    @Override
    public boolean performFinish() {
        String name = page.getProjectName();
        Path location = page.useDefaults() ? null : page.getLocationPath().toPath();
        Target target = page.target();
        return run(name, monitor -> {
            KernelProject project = new CreateKernelProject(name, location).execute(monitor);
            project.setActiveTarget(target);
            return project;
        });
    }
}
