package org.veridianos.ide.project;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eclipse.core.resources.ICommand;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.IProjectDescription;
import org.eclipse.core.resources.IProjectNature;
import org.eclipse.core.runtime.CoreException;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.build.VeridianBuilder;

/** Marks a project as a kernel and attaches the builder. */
public final class KernelNature implements IProjectNature {

    /** The nature's id. */
    public static final String ID = IdePlugin.ID + ".kernelNature";

    private IProject project;

    @Override
    public void configure() throws CoreException {
        IProjectDescription description = project.getDescription();
        List<ICommand> commands = new ArrayList<>(Arrays.asList(description.getBuildSpec()));
        if (commands.stream().noneMatch(KernelNature::isOurs)) {
            ICommand command = description.newCommand();
            command.setBuilderName(VeridianBuilder.ID);
            commands.add(command);
            setCommands(description, commands);
        }
    }

    @Override
    public void deconfigure() throws CoreException {
        IProjectDescription description = project.getDescription();
        List<ICommand> commands = new ArrayList<>(Arrays.asList(description.getBuildSpec()));
        if (commands.removeIf(KernelNature::isOurs)) {
            setCommands(description, commands);
        }
        project.deleteMarkers(VeridianBuilder.PROBLEM, true, org.eclipse.core.resources.IResource.DEPTH_INFINITE);
    }

    private void setCommands(IProjectDescription description, List<ICommand> commands) throws CoreException {
        description.setBuildSpec(commands.toArray(ICommand[]::new));
        project.setDescription(description, null);
    }

    private static boolean isOurs(ICommand command) {
        return VeridianBuilder.ID.equals(command.getBuilderName());
    }

    @Override
    public IProject getProject() {
        return project;
    }

    @Override
    public void setProject(IProject project) {
        this.project = project;
    }
}
