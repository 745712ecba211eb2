package org.veridianos.ide.ui.tests;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.eclipse.core.resources.IWorkspace;
import org.eclipse.core.resources.IWorkspaceDescription;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.swt.widgets.Shell;
import org.eclipse.swt.widgets.Text;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.ui.tests.bot.Bot;

/** The kernel project of the tests, made once by the real wizard. */
final class KernelFixture {

    /** With a blank and letters beyond ASCII on purpose, but for the pictures of the guide. */
    static final String NAME = System.getProperty("veridian.pictures.kind", "none").equals("none") ? "K\u00e9rnel One" : "veridian-kernel";

    private KernelFixture() {
    }

    /** The project; the first caller waits for the wizard to make it. Building automatically is off, tests build by themselves. */
    static synchronized KernelProject project() throws CoreException {
        Optional<KernelProject> made = find();
        if (made.isPresent()) {
            return made.get();
        }
        IWorkspace workspace = ResourcesPlugin.getWorkspace();
        IWorkspaceDescription description = workspace.getDescription();
        description.setAutoBuilding(false);
        workspace.setDescription(description);
        Bot.command("org.veridianos.ide.ui.newProject");
        Shell wizard = Bot.shell("New Veridian Kernel Project");
        Text name = Bot.find(wizard, Text.class, t -> t.isVisible() && t.isEnabled() && t.getEditable()).get(0);
        Bot.run(() -> name.setText(NAME));
        Bot.picture(wizard, "wizard-new-project");
        Bot.press(wizard, "Finish");
        Bot.waitFor("the wizard to finish", 120_000_000_000L, wizard::isDisposed);
        Optional<KernelProject> project = find();
        assertTrue(project.isPresent(), "the wizard made no project");
        return project.get();
    }

    private static Optional<KernelProject> find() {
        return KernelProject.of(ResourcesPlugin.getWorkspace().getRoot().getProject(NAME));
    }
}
