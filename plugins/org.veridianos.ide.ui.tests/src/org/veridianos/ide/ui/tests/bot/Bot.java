package org.veridianos.ide.ui.tests.bot;

import java.awt.AWTException;
import java.awt.Robot;
import java.awt.event.InputEvent;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.eclipse.core.commands.ParameterizedCommand;
import org.eclipse.core.commands.common.CommandException;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.GC;
import org.eclipse.swt.graphics.Image;
import org.eclipse.swt.graphics.ImageData;
import org.eclipse.swt.graphics.ImageLoader;
import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.graphics.Rectangle;
import org.eclipse.swt.widgets.Button;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Display;
import org.eclipse.swt.widgets.Event;
import org.eclipse.swt.widgets.Shell;
import org.eclipse.swt.widgets.ToolBar;
import org.eclipse.swt.widgets.ToolItem;
import org.eclipse.swt.widgets.Widget;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.commands.ICommandService;
import org.eclipse.ui.handlers.IHandlerService;

/** The hands and eyes of a workbench test. */
public final class Bot {

    private static final long PATIENCE = 20_000_000_000L;

    private static Robot robot;

    private Bot() {
    }

    /** The workbench's display. */
    public static Display display() {
        return PlatformUI.getWorkbench().getDisplay();
    }

    /** Calls on the UI thread and waits; what is thrown there fails the test here. */
    public static <T> T ui(Callable<T> call) {
        AtomicReference<T> result = new AtomicReference<>();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        display().syncExec(() -> {
            try {
                result.set(call.call());
            } catch (Throwable any) {
                thrown.set(any);
            }
        });
        if (thrown.get() != null) {
            throw new AssertionError(thrown.get());
        }
        return result.get();
    }

    /** Runs on the UI thread and waits. */
    public static void run(Runnable work) {
        ui(() -> {
            work.run();
            return null;
        });
    }

    /** Waits until {@code condition}, asked on the UI thread, holds. */
    public static void waitFor(String what, BooleanSupplier condition) {
        waitFor(what, PATIENCE, condition);
    }

    /** Waits with another patience, in nanoseconds. */
    public static void waitFor(String what, long patience, BooleanSupplier condition) {
        long end = System.nanoTime() + patience;
        while (System.nanoTime() < end) {
            if (ui(condition::getAsBoolean)) {
                return;
            }
            sleep(40);
        }
        picture("timeout");
        throw new AssertionError("still waiting for " + what);
    }

    /** Waits until {@code value}, asked on the UI thread, is not null. */
    public static <T> T waitFor(String what, Supplier<T> value) {
        AtomicReference<T> found = new AtomicReference<>();
        waitFor(what, () -> {
            found.set(value.get());
            return found.get() != null;
        });
        return found.get();
    }

    /** Does nothing for a while. */
    public static void sleep(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    /** The first window. */
    public static IWorkbenchWindow window() {
        return ui(() -> PlatformUI.getWorkbench().getWorkbenchWindows()[0]);
    }

    /** Gives the window its size and the focus, closes the welcome page and all editors. */
    public static void tidy() {
        run(() -> {
            for (Shell shell : display().getShells()) {
                if (shell.getParent() != null && shell.isVisible()) {
                    shell.close();
                }
            }
            PlatformUI.getWorkbench().getIntroManager().closeIntro(PlatformUI.getWorkbench().getIntroManager().getIntro());
            Shell shell = PlatformUI.getWorkbench().getWorkbenchWindows()[0].getShell();
            shell.setBounds(0, 0, 1400, 860);
            shell.forceActive();
            PlatformUI.getWorkbench().getWorkbenchWindows()[0].getActivePage().closeAllEditors(false);
        });
    }

    /** Executes a command without waiting for it: it may open a modal dialog. Parameters as {@code id(name=value)}. */
    public static void command(String serialized) {
        IWorkbenchWindow window = window();
        display().asyncExec(() -> {
            try {
                ParameterizedCommand command = window.getService(ICommandService.class).deserialize(serialized);
                window.getService(IHandlerService.class).executeCommand(command, null);
            } catch (CommandException refused) {
                throw new IllegalStateException(serialized, refused);
            }
        });
    }

    /** The visible shell whose title contains {@code title}, as soon as it is there. */
    public static Shell shell(String title) {
        return waitFor("dialog " + title, () -> {
            for (Shell shell : display().getShells()) {
                if (!shell.isDisposed() && shell.isVisible() && shell.getText().contains(title)) {
                    return shell;
                }
            }
            return null;
        });
    }

    /** All widgets of a type below {@code root}, itself included, that pass {@code test}. */
    public static <W extends Widget> List<W> find(Widget root, Class<W> type, Predicate<W> test) {
        return ui(() -> {
            List<W> found = new ArrayList<>();
            collect(root, type, test, found);
            return found;
        });
    }

    /** The only such widget. */
    public static <W extends Widget> W one(Widget root, Class<W> type, Predicate<W> test) {
        List<W> found = find(root, type, test);
        if (found.size() != 1) {
            picture("not-one");
            throw new AssertionError(found.size() + " widgets " + type.getSimpleName() + " instead of one");
        }
        return found.get(0);
    }

    private static <W extends Widget> void collect(Widget widget, Class<W> type, Predicate<W> test, List<W> found) {
        if (type.isInstance(widget) && test.test(type.cast(widget))) {
            found.add(type.cast(widget));
        }
        if (widget instanceof ToolBar bar) {
            for (ToolItem item : bar.getItems()) {
                collect(item, type, test, found);
            }
        }
        if (widget instanceof Composite composite) {
            for (Control child : composite.getChildren()) {
                collect(child, type, test, found);
            }
        }
    }

    /** Presses the button labelled {@code text} (mnemonic left out) as soon as it is enabled, without waiting for what it does. */
    public static void press(Widget root, String text) {
        Button button = waitFor("button " + text, () -> {
            List<Button> found = new ArrayList<>();
            collect(root, Button.class, b -> b.getText().replace("&", "").equals(text) && b.isEnabled() && b.isVisible(), found);
            return found.isEmpty() ? null : found.get(0);
        });
        select(button);
    }

    /** Selects a button or tool item without a pointer and without waiting. */
    public static void select(Widget widget) {
        display().asyncExec(() -> {
            if (widget instanceof Button button && (button.getStyle() & (SWT.CHECK | SWT.RADIO)) != 0) {
                button.setSelection((button.getStyle() & SWT.RADIO) != 0 || !button.getSelection());
            }
            widget.notifyListeners(SWT.Selection, new Event());
        });
    }

    /** Clicks with the pointer, at a point of the control. */
    public static void click(Control control, int x, int y) {
        Point point = ui(() -> control.toDisplay(x, y));
        // Not Display.post: on GTK its buttons come without a place.
        Robot pointer = pointer();
        pointer.mouseMove(point.x, point.y);
        sleep(80);
        pointer.mousePress(InputEvent.BUTTON1_DOWN_MASK);
        sleep(40);
        pointer.mouseRelease(InputEvent.BUTTON1_DOWN_MASK);
        idle();
    }

    private static synchronized Robot pointer() {
        try {
            robot = robot == null ? new Robot() : robot;
            return robot;
        } catch (AWTException refused) {
            throw new AssertionError("the display takes no pointer events", refused);
        }
    }

    /** Types text on the keyboard. */
    public static void type(String text) {
        for (char c : text.toCharArray()) {
            key(0, 0, c);
        }
        idle();
    }

    /** Presses a key together with modifiers. */
    public static void key(int modifiers, int code, char character) {
        int[] held = {SWT.CTRL, SWT.SHIFT, SWT.ALT};
        for (int modifier : held) {
            if ((modifiers & modifier) != 0) {
                run(() -> post(SWT.KeyDown, e -> e.keyCode = modifier));
            }
        }
        for (int kind : new int[] {SWT.KeyDown, SWT.KeyUp}) {
            run(() -> post(kind, e -> {
                e.keyCode = code;
                e.character = character;
            }));
            sleep(15);
        }
        for (int modifier : held) {
            if ((modifiers & modifier) != 0) {
                run(() -> post(SWT.KeyUp, e -> e.keyCode = modifier));
            }
        }
    }

    private interface Filler {
        void fill(Event event);
    }

    private static void post(int type, Filler filler) {
        Event event = new Event();
        event.type = type;
        filler.fill(event);
        display().post(event);
    }

    /** Lets pending events and paints through. */
    public static void idle() {
        sleep(150);
        run(() -> {
        });
    }

    /** What is on the screen where the first window is, also written to a file for people. */
    public static ImageData picture(String name) {
        return picture(window().getShell(), name);
    }

    /** What is on the screen where {@code control} is. */
    public static ImageData picture(Control control, String name) {
        idle();
        ImageData data = ui(() -> {
            Rectangle area = control instanceof Shell shell ? shell.getBounds() : display().map(control.getParent(), null, control.getBounds());
            Image image = new Image(display(), area.width, area.height);
            GC gc = new GC(display());
            gc.copyArea(image, area.x, area.y);
            gc.dispose();
            ImageData copied = image.getImageData();
            image.dispose();
            return copied;
        });
        File folder = new File(System.getProperty("veridian.pictures", "target/pictures"));
        folder.mkdirs();
        ImageLoader loader = new ImageLoader();
        loader.data = new ImageData[] {data};
        loader.save(new File(folder, name + ".png").getPath(), SWT.IMAGE_PNG);
        return data;
    }
}
