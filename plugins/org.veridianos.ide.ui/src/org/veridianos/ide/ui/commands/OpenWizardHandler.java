package org.veridianos.ide.ui.commands;

import org.eclipse.core.commands.AbstractHandler;
import org.eclipse.core.commands.ExecutionEvent;
import org.eclipse.jface.viewers.IStructuredSelection;
import org.eclipse.jface.viewers.StructuredSelection;
import org.eclipse.jface.wizard.WizardDialog;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.IWorkbenchWizard;
import org.eclipse.ui.handlers.HandlerUtil;
import org.veridianos.ide.ui.wizards.NewKernelProjectWizard;
import org.veridianos.ide.ui.wizards.OpenCheckoutWizard;

/** Opens one of the wizards. */
public abstract class OpenWizardHandler extends AbstractHandler {

    /** <i>New Veridian Kernel Project</i>. */
    public static final class NewProject extends OpenWizardHandler {
        @Override
        IWorkbenchWizard wizard() {
            return new NewKernelProjectWizard();
        }
    }

    /** <i>Open Existing Kernel Checkout</i>. */
    public static final class OpenCheckout extends OpenWizardHandler {
        @Override
        IWorkbenchWizard wizard() {
            return new OpenCheckoutWizard();
        }
    }

    abstract IWorkbenchWizard wizard();

    @Override
    public Object execute(ExecutionEvent event) {
        IWorkbenchWindow window = HandlerUtil.getActiveWorkbenchWindow(event);
        IWorkbenchWizard wizard = wizard();
        boolean structured = HandlerUtil.getCurrentSelection(event) instanceof IStructuredSelection;
        wizard.init(window.getWorkbench(), structured ? HandlerUtil.getCurrentStructuredSelection(event) : StructuredSelection.EMPTY);
        new WizardDialog(window.getShell(), wizard).open();
        return null;
    }
}
