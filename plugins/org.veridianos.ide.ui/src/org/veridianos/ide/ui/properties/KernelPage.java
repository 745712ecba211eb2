package org.veridianos.ide.ui.properties;

import java.util.Optional;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.runtime.Adapters;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.widgets.Button;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Group;
import org.eclipse.swt.widgets.Label;
import org.eclipse.ui.dialogs.PropertyPage;
import org.veridianos.build.Target;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.ui.trust.TrustLocation;

/** What <i>Build</i> builds, and whether the location is trusted. */
public final class KernelPage extends PropertyPage {

    private KernelProject kernel;
    private Target target;
    private Button release;
    private Button trust;

    @Override
    protected Control createContents(Composite parent) {
        noDefaultAndApplyButton();
        Composite area = new Composite(parent, SWT.NONE);
        GridLayoutFactory.fillDefaults().spacing(0, 12).applyTo(area);
        Optional<KernelProject> found = KernelProject.of(Adapters.adapt(getElement(), IProject.class));
        if (found.isEmpty()) {
            new Label(area, SWT.NONE).setText(Messages.KernelPage_closed);
            return area;
        }
        kernel = found.get();
        target = kernel.activeTarget();
        Group architecture = group(area, Messages.KernelPage_architecture);
        for (Target each : Target.values()) {
            Button button = new Button(architecture, SWT.RADIO);
            button.setText(each.id());
            button.setSelection(each == target);
            button.addListener(SWT.Selection, e -> target = button.getSelection() ? each : target);
        }
        Group configuration = group(area, Messages.KernelPage_configuration);
        Button dev = new Button(configuration, SWT.RADIO);
        dev.setText(Messages.KernelPage_dev);
        dev.setSelection(!kernel.isRelease());
        release = new Button(configuration, SWT.RADIO);
        release.setText(Messages.KernelPage_release);
        release.setSelection(kernel.isRelease());
        Group trustGroup = group(area, Messages.KernelPage_trust);
        Label location = new Label(trustGroup, SWT.WRAP);
        location.setText(NLS.bind(Messages.KernelPage_location, kernel.location()));
        GridDataFactory.fillDefaults().grab(true, false).hint(380, SWT.DEFAULT).applyTo(location);
        trust = new Button(trustGroup, SWT.CHECK);
        trust.setText(Messages.KernelPage_trusted);
        trust.setSelection(kernel.isTrusted());
        return area;
    }

    private static Group group(Composite area, String title) {
        Group group = new Group(area, SWT.NONE);
        group.setText(title);
        GridDataFactory.fillDefaults().grab(true, false).applyTo(group);
        GridLayoutFactory.swtDefaults().applyTo(group);
        return group;
    }

    @Override
    public boolean performOk() {
        if (kernel == null) {
            return true;
        }
        if (trust.getSelection() && !kernel.isTrusted() && !TrustLocation.ask(getShell(), kernel)) {
            trust.setSelection(false);
            return false;
        }
        if (!trust.getSelection() && kernel.isTrusted()) {
            TrustLocation.withdraw(kernel);
        }
        KernelProject changed = kernel;
        Target chosen = target;
        boolean shipped = release.getSelection();
        Job job = Job.create(Messages.KernelPage_saving, monitor -> {
            changed.setRelease(shipped);
            changed.setActiveTarget(chosen);
            return Status.OK_STATUS;
        });
        job.setSystem(true);
        job.schedule();
        return true;
    }
}
