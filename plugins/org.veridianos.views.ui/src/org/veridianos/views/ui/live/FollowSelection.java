package org.veridianos.views.ui.live;

import org.eclipse.debug.core.ILaunch;
import org.eclipse.debug.core.model.IProcess;
import org.eclipse.debug.ui.DebugUITools;
import org.eclipse.jface.viewers.ISelection;
import org.eclipse.jface.viewers.IStructuredSelection;
import org.eclipse.core.runtime.Adapters;
import org.eclipse.ui.IStartup;
import org.eclipse.ui.IWindowListener;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.console.IConsoleConstants;
import org.veridianos.ide.inspect.ActiveMachine;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.ui.console.GuestConsole;

/** Whoever selects a machine in the Debug view, or its console, means it in the live views too. */
public final class FollowSelection implements IStartup, IWindowListener {

    @Override
    public void earlyStartup() {
        PlatformUI.getWorkbench().getDisplay().asyncExec(() -> {
            PlatformUI.getWorkbench().addWindowListener(this);
            for (IWorkbenchWindow window : PlatformUI.getWorkbench().getWorkbenchWindows()) {
                windowOpened(window);
            }
        });
    }

    @Override
    public void windowOpened(IWorkbenchWindow window) {
        DebugUITools.getDebugContextManager().getContextService(window).addDebugContextListener(e -> selected(e.getContext()));
        window.getSelectionService().addSelectionListener(IConsoleConstants.ID_CONSOLE_VIEW, (part, selection) -> selected(selection));
    }

    private static void selected(ISelection selection) {
        if (!(selection instanceof IStructuredSelection some) || some.isEmpty()) {
            return;
        }
        Object element = some.getFirstElement();
        if (element instanceof GuestConsole console) {
            ActiveMachine.select(console.process());
        } else if (Adapters.adapt(element, IProcess.class) instanceof MachineProcess machine) {
            ActiveMachine.select(machine);
        } else if (element instanceof ILaunch launch) {
            for (IProcess process : launch.getProcesses()) {
                if (process instanceof MachineProcess machine) {
                    ActiveMachine.select(machine);
                }
            }
        }
    }

    @Override
    public void windowActivated(IWorkbenchWindow window) {
        // Selections come by themselves.
    }

    @Override
    public void windowDeactivated(IWorkbenchWindow window) {
        // Selections come by themselves.
    }

    @Override
    public void windowClosed(IWorkbenchWindow window) {
        // Its services go with it.
    }
}
