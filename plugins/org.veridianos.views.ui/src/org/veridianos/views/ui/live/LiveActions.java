package org.veridianos.views.ui.live;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.jface.action.Action;
import org.eclipse.jface.action.IAction;
import org.eclipse.jface.action.IMenuManager;
import org.eclipse.jface.action.MenuManager;
import org.eclipse.jface.action.Separator;
import org.eclipse.jface.resource.ImageDescriptor;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.ImageData;
import org.eclipse.swt.graphics.ImageLoader;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Event;
import org.eclipse.swt.widgets.FileDialog;
import org.eclipse.swt.widgets.Table;
import org.eclipse.ui.IActionBars;
import org.eclipse.ui.actions.ActionFactory;
import org.veridianos.ide.inspect.ActiveMachine;
import org.veridianos.machine.Session;
import org.veridianos.views.ui.Images;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.widget.CellCanvas;

/** The buttons, menus and keys that every live view has. */
final class LiveActions {

    private final LiveView<?> view;
    private final IAction pause;
    private final IAction filter;
    /** Machines as they were when somebody last looked; refreshed in the background. */
    private volatile List<Session> machines = List.of();
    private final Job finder = Job.createSystem(Messages.Live_machine, monitor -> {
        machines = MachineChoice.all();
    });

    LiveActions(LiveView<?> view) {
        this.view = view;
        pause = toggle(Messages.Live_pause, Images.PAUSE, false, view::setPaused);
        filter = toggle(Messages.Live_find, Images.FILTER, view.isHeaderShown(), show -> {
            if (show) {
                view.focusFilter();
            } else {
                view.showHeader(false);
            }
        });
    }

    void addTo(IActionBars bars) {
        IAction refresh = push(Messages.Live_refresh, Images.REFRESH, view::refresh);
        IAction copy = push(Messages.Live_copy, null, () -> view.table().copy());
        bars.getToolBarManager().add(filter);
        bars.getToolBarManager().add(pause);
        bars.getToolBarManager().add(refresh);
        view.fill(bars.getToolBarManager(), bars.getMenuManager());
        bars.setGlobalActionHandler(ActionFactory.REFRESH.getId(), refresh);
        bars.setGlobalActionHandler(ActionFactory.COPY.getId(), copy);
        bars.setGlobalActionHandler(ActionFactory.FIND.getId(), push(Messages.Live_find, null, view::focusFilter));
        IMenuManager menu = bars.getMenuManager();
        MenuManager machine = new MenuManager(Messages.Live_machine, Images.descriptor(Images.MACHINE), null);
        machine.setRemoveAllWhenShown(true);
        machine.addMenuListener(this::fillMachines);
        menu.add(machine);
        menu.add(rates());
        menu.add(toggle(Messages.Live_link, null, view.isLinked(), view::setLinked));
        menu.add(new Separator());
        menu.add(push(Messages.Live_source, null, view::openSource));
        menu.add(copy);
        menu.add(exports());
        menu.add(new Separator());
        menu.add(push(Messages.Live_newView, null, view::openAnother));
        bars.updateActionBars();
        addKeys(view.contents());
        Runnable again = this::findMachines;
        ActiveMachine.addListener(again);
        view.table().control().addDisposeListener(e -> ActiveMachine.removeListener(again));
        findMachines();
    }

    void headerShown(boolean shown) {
        filter.setChecked(shown);
    }

    /** On every list and picture, whichever of them has the focus. */
    private void addKeys(Composite parent) {
        for (Control control : parent.getChildren()) {
            if (control instanceof Table || control instanceof CellCanvas) {
                control.addListener(SWT.KeyDown, this::key);
            } else if (control instanceof Composite composite) {
                addKeys(composite);
            }
        }
    }

    private void key(Event e) {
        if ((e.stateMask & SWT.MODIFIER_MASK) == 0 && e.character == 'p') {
            pause.setChecked(!pause.isChecked());
            view.setPaused(pause.isChecked());
            e.doit = false;
        } else if ((e.stateMask & SWT.MODIFIER_MASK) == 0 && e.character == 's') {
            view.openSource();
            e.doit = false;
        }
    }

    private void fillMachines(IMenuManager menu) {
        IAction follow = new Action(Messages.Live_follow, IAction.AS_RADIO_BUTTON) {
            @Override
            public void run() {
                view.pin(null);
            }
        };
        follow.setChecked(view.choice().pinned() == null);
        menu.add(follow);
        menu.add(new Separator());
        for (Session session : machines) {
            IAction stay = new Action(NLS.bind(Messages.Live_pin, session.id(), session.architecture().id()), IAction.AS_RADIO_BUTTON) {
                @Override
                public void run() {
                    view.pin(session.id());
                }
            };
            stay.setChecked(session.id().equals(view.choice().pinned()));
            menu.add(stay);
        }
        findMachines();
    }

    /** Looks for machines in the background: the command line's come and go without telling. */
    private void findMachines() {
        finder.schedule();
    }

    private MenuManager rates() {
        MenuManager menu = new MenuManager(Messages.Live_rate);
        for (int rate : LiveView.RATES) {
            IAction action = new Action(NLS.bind(Messages.Live_perSecond, Integer.toString(rate)), IAction.AS_RADIO_BUTTON) {
                @Override
                public void run() {
                    view.setRate(rate);
                }
            };
            action.setChecked(rate == view.rate());
            menu.add(action);
        }
        return menu;
    }

    private MenuManager exports() {
        MenuManager menu = new MenuManager(Messages.Live_export);
        menu.add(push(Messages.Live_csv, null, () -> export("csv", text(() -> view.table().csv()))));
        menu.add(push(Messages.Live_json, null, () -> export("json", text(() -> view.table().json()))));
        if (view.canvas() != null) {
            menu.add(push(Messages.Live_png, null, () -> export("png", this::png)));
            menu.add(push(Messages.Live_svg, null, () -> export("svg", text(() -> view.canvas().toSvg()))));
        }
        return menu;
    }

    /** Writes a file; what to write is taken on the UI thread, the writing is done by a job. */
    private interface Content {
        Writer take();
    }

    private interface Writer {
        void write(Path file) throws IOException;
    }

    private static Content text(Supplier<String> supplier) {
        return () -> {
            String text = supplier.get();
            return file -> Files.writeString(file, text);
        };
    }

    private Writer png() {
        ImageData picture = view.canvas().toImage();
        return file -> {
            ImageLoader loader = new ImageLoader();
            loader.data = new ImageData[] {picture};
            loader.save(file.toString(), SWT.IMAGE_PNG);
        };
    }

    private void export(String extension, Content content) {
        Writer writer = content.take();
        FileDialog dialog = new FileDialog(view.getSite().getShell(), SWT.SAVE);
        dialog.setFilterExtensions(new String[] {"*." + extension});
        dialog.setFileName(view.baseName().toLowerCase(java.util.Locale.ROOT).replace(' ', '-') + "." + extension);
        dialog.setOverwrite(true);
        String chosen = dialog.open();
        if (chosen == null) {
            return;
        }
        Job job = Job.create(NLS.bind(Messages.Live_exporting, chosen), monitor -> {
            try {
                writer.write(Path.of(chosen));
                return Status.OK_STATUS;
            } catch (IOException | RuntimeException unwritable) {
                return Status.error(NLS.bind(Messages.Live_notExported, chosen, unwritable.getMessage()), unwritable);
            }
        });
        job.setUser(true);
        job.schedule();
    }

    static IAction push(String text, String icon, Runnable work) {
        Action action = new Action(text) {
            @Override
            public void run() {
                work.run();
            }
        };
        return decorated(action, text, icon);
    }

    private static IAction toggle(String text, String icon, boolean on, Consumer<Boolean> work) {
        Action action = new Action(text, IAction.AS_CHECK_BOX) {
            @Override
            public void run() {
                work.accept(isChecked());
            }
        };
        action.setChecked(on);
        return decorated(action, text, icon);
    }

    private static IAction decorated(Action action, String text, String icon) {
        action.setToolTipText(text.replace("&", ""));
        if (icon != null) {
            ImageDescriptor image = Images.descriptor(icon);
            action.setImageDescriptor(image);
        }
        return action;
    }
}
