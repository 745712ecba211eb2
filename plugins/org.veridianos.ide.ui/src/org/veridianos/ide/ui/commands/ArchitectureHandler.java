package org.veridianos.ide.ui.commands;

import java.util.Map;
import org.eclipse.core.commands.AbstractHandler;
import org.eclipse.core.commands.ExecutionEvent;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.commands.ICommandService;
import org.eclipse.ui.commands.IElementUpdater;
import org.eclipse.ui.handlers.HandlerUtil;
import org.eclipse.ui.menus.UIElement;
import org.veridianos.build.Target;

/**
 * The architecture switch. With the parameter it makes that architecture the active one of the current kernel; without,
 * which is the button itself, it goes on to the next. Buttons and menus show which one is active.
 */
public final class ArchitectureHandler extends AbstractHandler implements IElementUpdater {

    /** The command. */
    public static final String COMMAND = "org.veridianos.ide.ui.architecture";
    /** Its parameter: the architecture's id. */
    public static final String PARAMETER = "org.veridianos.ide.ui.architecture.id";

    @Override
    public Object execute(ExecutionEvent event) {
        String id = event.getParameter(PARAMETER);
        ActiveKernel.in(HandlerUtil.getActiveWorkbenchWindow(event)).ifPresent(kernel -> {
            Target[] all = Target.values();
            Target target = id == null ? all[(kernel.activeTarget().ordinal() + 1) % all.length] : Target.of(id);
            Job job = Job.create(Messages.Architecture_switching, monitor -> {
                kernel.setActiveTarget(target);
                refresh();
                return Status.OK_STATUS;
            });
            job.setSystem(true);
            job.schedule();
        });
        return null;
    }

    /** Makes every button and menu show the active architecture again. Any thread. */
    static void refresh() {
        PlatformUI.getWorkbench().getDisplay().asyncExec(() -> {
            if (PlatformUI.isWorkbenchRunning()) {
                PlatformUI.getWorkbench().getService(ICommandService.class).refreshElements(COMMAND, null);
            }
        });
    }

    @Override
    public void updateElement(UIElement element, @SuppressWarnings("rawtypes") Map parameters) {
        IWorkbenchWindow window = element.getServiceLocator().getService(IWorkbenchWindow.class);
        String active = ActiveKernel.in(window).map(k -> k.activeTarget().id()).orElse(null);
        Object id = parameters.get(PARAMETER);
        if (id == null) {
            element.setText(active == null ? Messages.Architecture_none : active);
        } else {
            element.setChecked(id.equals(active));
        }
    }
}
