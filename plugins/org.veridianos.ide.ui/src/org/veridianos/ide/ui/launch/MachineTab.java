package org.veridianos.ide.ui.launch;

import java.util.ArrayList;
import java.util.List;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.debug.core.ILaunchConfiguration;
import org.eclipse.debug.core.ILaunchConfigurationWorkingCopy;
import org.eclipse.debug.ui.AbstractLaunchConfigurationTab;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.Image;
import org.eclipse.swt.widgets.Button;
import org.eclipse.swt.widgets.Combo;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Display;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Spinner;
import org.eclipse.swt.widgets.Text;
import org.veridianos.ide.launch.LaunchAttributes;
import org.veridianos.ide.launch.LaunchSettings;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.ui.Images;
import org.veridianos.machine.MachineConfig;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profile;
import org.veridianos.machine.Profiles;
import org.veridianos.machine.Size;
import org.veridianos.machine.Words;

/**
 * Project, machine and what of it differs from its profile. Empty fields mean the profile's values, which are shown as
 * hints. Profiles are read in a job, because they are files.
 */
final class MachineTab extends AbstractLaunchConfigurationTab {

    private Combo project;
    private Combo machine;
    private Spinner cpus;
    private Label cpusHint;
    private Text memory;
    private Spinner nodes;
    private Text bootArguments;
    private Text qemuArguments;
    private Button release;
    private Button outlives;
    private List<Profile> profiles = List.of();
    private String profileId = "";
    private boolean filling;

    @Override
    public void createControl(Composite parent) {
        Composite area = new Composite(parent, SWT.NONE);
        GridLayoutFactory.swtDefaults().numColumns(3).spacing(8, 6).applyTo(area);
        project = combo(area, Messages.MachineTab_project, SWT.NONE);
        project.addListener(SWT.Selection, e -> loadProfiles(projectByName()));
        machine = combo(area, Messages.MachineTab_machine, SWT.READ_ONLY);
        machine.addListener(SWT.Selection, e -> {
            profileId = machine.getSelectionIndex() >= 0 ? profiles.get(machine.getSelectionIndex()).id() : profileId;
            showHints();
        });
        cpus = spinner(area, Messages.MachineTab_cpus, 0, MachineConfig.MAX_CPUS);
        cpusHint = new Label(area, SWT.NONE);
        GridDataFactory.fillDefaults().grab(true, false).align(SWT.FILL, SWT.CENTER).applyTo(cpusHint);
        memory = text(area, Messages.MachineTab_memory, SWT.BORDER);
        nodes = spinner(area, Messages.MachineTab_nodes, 1, MachineConfig.MAX_CPUS);
        new Label(area, SWT.NONE);
        bootArguments = text(area, Messages.MachineTab_bootArguments, SWT.BORDER);
        qemuArguments = text(area, Messages.MachineTab_qemuArguments, SWT.BORDER);
        release = check(area, Messages.MachineTab_release);
        outlives = check(area, Messages.MachineTab_outlives);
        setControl(area);
    }

    private Combo combo(Composite area, String label, int style) {
        new Label(area, SWT.NONE).setText(label);
        Combo combo = new Combo(area, SWT.DROP_DOWN | style);
        GridDataFactory.fillDefaults().grab(true, false).span(2, 1).align(SWT.FILL, SWT.CENTER).applyTo(combo);
        combo.addListener(SWT.Modify, e -> changed());
        return combo;
    }

    private Spinner spinner(Composite area, String label, int minimum, int maximum) {
        new Label(area, SWT.NONE).setText(label);
        Spinner spinner = new Spinner(area, SWT.BORDER);
        spinner.setValues(minimum, minimum, maximum, 0, 1, 4);
        spinner.addListener(SWT.Modify, e -> changed());
        return spinner;
    }

    private Text text(Composite area, String label, int style) {
        new Label(area, SWT.NONE).setText(label);
        Text text = new Text(area, style);
        GridDataFactory.fillDefaults().grab(true, false).span(2, 1).align(SWT.FILL, SWT.CENTER).applyTo(text);
        text.addListener(SWT.Modify, e -> changed());
        return text;
    }

    private Button check(Composite area, String label) {
        Button button = new Button(area, SWT.CHECK);
        button.setText(label);
        GridDataFactory.fillDefaults().span(3, 1).applyTo(button);
        button.addListener(SWT.Selection, e -> changed());
        return button;
    }

    private void changed() {
        if (!filling) {
            updateLaunchConfigurationDialog();
        }
    }

    @Override
    public void setDefaults(ILaunchConfigurationWorkingCopy configuration) {
        List<KernelProject> kernels = KernelProject.all();
        if (!kernels.isEmpty()) {
            configuration.setAttribute(LaunchAttributes.PROJECT, kernels.get(0).name());
            configuration.setAttribute(LaunchAttributes.PROFILE, kernels.get(0).activeTarget().id());
        }
    }

    @Override
    public void initializeFrom(ILaunchConfiguration configuration) {
        filling = true;
        try {
            List<String> names = new ArrayList<>(KernelProject.all().stream().map(KernelProject::name).toList());
            names.add(0, "");
            project.setItems(names.toArray(String[]::new));
            project.setText(configuration.getAttribute(LaunchAttributes.PROJECT, ""));
            profileId = configuration.getAttribute(LaunchAttributes.PROFILE, "");
            cpus.setSelection(configuration.getAttribute(LaunchAttributes.CPUS, 0));
            memory.setText(configuration.getAttribute(LaunchAttributes.MEMORY, ""));
            nodes.setSelection(configuration.getAttribute(LaunchAttributes.NODES, 1));
            bootArguments.setText(configuration.getAttribute(LaunchAttributes.BOOT_ARGUMENTS, ""));
            qemuArguments.setText(configuration.getAttribute(LaunchAttributes.QEMU_ARGUMENTS, ""));
            release.setSelection(configuration.getAttribute(LaunchAttributes.RELEASE, false));
            outlives.setSelection(configuration.getAttribute(LaunchAttributes.OUTLIVES, false));
            loadProfiles(projectOf(configuration));
        } catch (CoreException unreadable) {
            setErrorMessage(unreadable.getStatus().getMessage());
        } finally {
            filling = false;
        }
    }

    private static KernelProject projectOf(ILaunchConfiguration configuration) {
        try {
            return LaunchSettings.project(configuration);
        } catch (CoreException noneYet) {
            return null;
        }
    }

    private KernelProject projectByName() {
        String name = project.getText();
        return name.isBlank() ? null : KernelProject.of(ResourcesPlugin.getWorkspace().getRoot().getProject(name)).orElse(null);
    }

    private void loadProfiles(KernelProject kernel) {
        Display display = machine.getDisplay();
        Job job = Job.create(Messages.MachineTab_reading, monitor -> {
            try {
                Profiles found = kernel == null ? Profiles.builtIn() : kernel.profiles();
                List<Profile> all = List.copyOf(found.all());
                display.asyncExec(() -> show(all, null));
            } catch (MachineException malformed) {
                display.asyncExec(() -> show(List.of(), malformed.getMessage()));
            }
            return Status.OK_STATUS;
        });
        job.setSystem(true);
        job.schedule();
    }

    private void show(List<Profile> found, String problem) {
        if (machine.isDisposed()) {
            return;
        }
        filling = true;
        profiles = found;
        machine.setItems(found.stream().map(p -> NLS.bind(Messages.MachineTab_profile, p.name(), p.id())).toArray(String[]::new));
        for (int i = 0; i < found.size(); i++) {
            if (found.get(i).id().equals(profileId)) {
                machine.select(i);
            }
        }
        showHints();
        setErrorMessage(problem);
        filling = false;
        updateLaunchConfigurationDialog();
    }

    private Profile profile() {
        return profiles.stream().filter(p -> p.id().equals(profileId)).findFirst().orElse(null);
    }

    private void showHints() {
        Profile profile = profile();
        cpusHint.setText(profile == null ? "" : NLS.bind(Messages.MachineTab_cpusHint, profile.cpus()));
        memory.setMessage(profile == null ? "" : Size.format(profile.memory()));
    }

    @Override
    public void performApply(ILaunchConfigurationWorkingCopy configuration) {
        Attributes.set(configuration, LaunchAttributes.PROJECT, project.getText());
        Attributes.set(configuration, LaunchAttributes.PROFILE, profileId);
        Attributes.set(configuration, LaunchAttributes.CPUS, cpus.getSelection(), 0);
        Attributes.set(configuration, LaunchAttributes.MEMORY, memory.getText());
        Attributes.set(configuration, LaunchAttributes.NODES, nodes.getSelection(), 1);
        Attributes.set(configuration, LaunchAttributes.BOOT_ARGUMENTS, bootArguments.getText());
        Attributes.set(configuration, LaunchAttributes.QEMU_ARGUMENTS, qemuArguments.getText());
        Attributes.set(configuration, LaunchAttributes.RELEASE, release.getSelection());
        Attributes.set(configuration, LaunchAttributes.OUTLIVES, outlives.getSelection());
        KernelProject kernel = projectByName();
        configuration.setMappedResources(kernel == null ? null : new IResource[] {kernel.resource()});
    }

    @Override
    public boolean isValid(ILaunchConfiguration configuration) {
        setErrorMessage(problem());
        return getErrorMessage() == null;
    }

    private String problem() {
        if (!project.getText().isBlank() && projectByName() == null) {
            return NLS.bind(Messages.MachineTab_noProject, project.getText());
        }
        if (!profiles.isEmpty() && profile() == null) {
            return profileId.isBlank() ? Messages.MachineTab_chooseMachine : NLS.bind(Messages.MachineTab_noMachine, profileId);
        }
        Profile profile = profile();
        int count = cpus.getSelection() > 0 || profile == null ? cpus.getSelection() : profile.cpus();
        if (profile != null && nodes.getSelection() > count) {
            return NLS.bind(Messages.MachineTab_tooManyNodes, nodes.getSelection(), count);
        }
        try {
            if (!memory.getText().isBlank()) {
                Size.parse(memory.getText().strip());
            }
        } catch (IllegalArgumentException malformed) {
            return NLS.bind(Messages.MachineTab_badMemory, malformed.getMessage());
        }
        try {
            Words.split(qemuArguments.getText());
        } catch (IllegalArgumentException malformed) {
            return NLS.bind(Messages.MachineTab_badArguments, malformed.getMessage());
        }
        return null;
    }

    @Override
    public String getName() {
        return Messages.MachineTab_name;
    }

    @Override
    public Image getImage() {
        return Images.get(Images.MACHINE);
    }
}
