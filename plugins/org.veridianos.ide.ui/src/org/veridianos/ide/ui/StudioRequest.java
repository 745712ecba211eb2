package org.veridianos.ide.ui;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.ILog;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.IStatus;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.SubMonitor;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.debug.core.ILaunch;
import org.eclipse.debug.core.ILaunchManager;
import org.eclipse.debug.core.model.IProcess;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.GC;
import org.eclipse.swt.graphics.Image;
import org.eclipse.swt.graphics.ImageData;
import org.eclipse.swt.graphics.ImageLoader;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Display;
import org.eclipse.swt.widgets.Shell;
import org.eclipse.ui.IWorkbench;
import org.eclipse.ui.PlatformUI;
import org.veridianos.build.Target;
import org.veridianos.ide.launch.LaunchConfigurations;
import org.veridianos.ide.launch.MachineProcess;
import org.veridianos.ide.launch.ReadyLine;
import org.veridianos.ide.project.KernelProject;
import org.veridianos.ide.project.OpenCheckout;
import org.veridianos.ide.project.Trust;

/**
 * What {@code ./veridian studio} wants of the IDE it starts: open this kernel, boot it with a lively program, and, for a picture, wait until
 * the guest says that it is ready, write the window to a file and quit.
 *
 * <p>It comes as system properties. The person who typed the command names the folder, so it is trusted.
 *
 * @param open       the kernel to open ({@value #OPEN})
 * @param boot       the architecture to boot ({@value #BOOT})
 * @param screenshot the picture to write ({@value #SCREENSHOT})
 */
record StudioRequest(Path open, Optional<Target> boot, Optional<Path> screenshot) {

    private static final String OPEN = "veridian.open";
    private static final String BOOT = "veridian.boot";
    private static final String SCREENSHOT = "veridian.screenshot";
    /** What the guest runs: something to look at. */
    private static final String PROGRAM = "workload";
    /** How long the views watch before the picture is taken. */
    private static final long WATCH_SECONDS = 8;
    private static final long READY_TIMEOUT_SECONDS = 300;

    /** The request of this start, if there is one. */
    static Optional<StudioRequest> fromSystemProperties() {
        return property(OPEN).map(open -> new StudioRequest(Path.of(open), property(BOOT).map(Target::of), property(SCREENSHOT).map(Path::of)));
    }

    private static Optional<String> property(String key) {
        return Optional.ofNullable(System.getProperty(key)).filter(v -> !v.isBlank());
    }

    /** Does it in the background, with progress and cancel in the status line: a dialog would stand in the picture. */
    void schedule() {
        Job job = Job.create(NLS.bind(Messages.StudioRequest_opening, open), this::run);
        job.setPriority(Job.INTERACTIVE);
        job.schedule();
    }

    private IStatus run(IProgressMonitor monitor) {
        SubMonitor progress = SubMonitor.convert(monitor, 10);
        IStatus result = Status.OK_STATUS;
        try {
            Path kernel = OpenCheckout.kernelIn(open)
                    .orElseThrow(() -> new CoreException(Status.error(NLS.bind(Messages.StudioRequest_noKernel, open))));
            Trust.trust(kernel);
            KernelProject project = new OpenCheckout(kernel).execute(progress.split(3));
            showPerspective();
            if (boot.isPresent()) {
                boot(project, boot.get(), progress.split(7));
            }
        } catch (CoreException failed) {
            result = failed.getStatus();
            ILog.get().log(result);
        }
        if (screenshot.isPresent()) {
            takePictureAndQuit(screenshot.get());
        }
        return result;
    }

    /** The perspective, and in a new workspace, which begins with the welcome page, all the room there is. */
    private static void showPerspective() {
        IWorkbench workbench = PlatformUI.getWorkbench();
        workbench.getDisplay().asyncExec(() -> {
            if (workbench.getIntroManager().getIntro() != null) {
                workbench.getWorkbenchWindows()[0].getShell().setMaximized(true);
            }
            workbench.getIntroManager().closeIntro(workbench.getIntroManager().getIntro());
            try {
                workbench.showPerspective(VeridianPerspective.ID, workbench.getWorkbenchWindows()[0]);
            } catch (CoreException notShown) {
                ILog.get().log(notShown.getStatus());
            }
        });
    }

    private void boot(KernelProject project, Target target, IProgressMonitor monitor) throws CoreException {
        monitor.setTaskName(NLS.bind(Messages.StudioRequest_booting, target.id()));
        ILaunch launch = LaunchConfigurations.of(project, target.id(), PROGRAM).launch(ILaunchManager.RUN_MODE, monitor, true);
        if (screenshot.isPresent()) {
            for (IProcess process : launch.getProcesses()) {
                if (process instanceof MachineProcess machine) {
                    awaitReady(machine);
                }
            }
        }
    }

    private static void awaitReady(MachineProcess machine) {
        try {
            ReadyLine.of(machine).get(READY_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException notReady) {
            ILog.get().error(NLS.bind(Messages.StudioRequest_notReady, machine.getLabel()), notReady);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** A last look at a settled window, from the screen itself: what the user would see. */
    private static void takePictureAndQuit(Path file) {
        Display display = PlatformUI.getWorkbench().getDisplay();
        try {
            TimeUnit.SECONDS.sleep(WATCH_SECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        ImageData[] picture = new ImageData[1];
        display.syncExec(() -> picture[0] = picture(display));
        try {
            if (file.toAbsolutePath().getParent() != null) {
                Files.createDirectories(file.toAbsolutePath().getParent());
            }
            ImageLoader loader = new ImageLoader();
            loader.data = picture;
            loader.save(file.toString(), SWT.IMAGE_PNG);
        } catch (IOException | RuntimeException unwritable) {
            ILog.get().error(unwritable.getMessage(), unwritable);
        }
        display.asyncExec(() -> PlatformUI.getWorkbench().close());
    }

    private static ImageData picture(Display display) {
        Shell shell = PlatformUI.getWorkbench().getWorkbenchWindows()[0].getShell();
        Rectangle area = shell.getBounds();
        Image image = new Image(display, area.width, area.height);
        GC gc = new GC(display);
        gc.copyArea(image, area.x, area.y);
        gc.dispose();
        ImageData data = image.getImageData();
        image.dispose();
        return data;
    }
}
