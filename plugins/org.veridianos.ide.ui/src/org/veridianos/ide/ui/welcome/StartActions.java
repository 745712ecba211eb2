package org.veridianos.ide.ui.welcome;

import org.eclipse.core.commands.common.CommandException;
import org.eclipse.core.runtime.ILog;
import org.eclipse.jface.bindings.Binding;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.jface.resource.JFaceResources;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.Font;
import org.eclipse.swt.graphics.FontData;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Link;
import org.eclipse.ui.handlers.IHandlerService;
import org.eclipse.ui.keys.IBindingService;
import org.eclipse.ui.services.IServiceLocator;
import org.veridianos.ide.ui.Images;

/** The four ways to begin, as links with an icon and a sentence each: on the welcome page and in the empty editor area. */
public final class StartActions {

    /** The commands, in order. */
    public static final String[] COMMANDS = {"org.veridianos.ide.ui.newProject", "org.veridianos.ide.ui.openCheckout", "org.veridianos.ide.ui.boot",
            "org.veridianos.ide.ui.guide"};
    private static final String[] ICONS = {Images.NEW_PROJECT, Images.OPEN_CHECKOUT, Images.BOOT, Images.GUIDE};

    private final IServiceLocator services;
    private Link first;

    StartActions(IServiceLocator services) {
        this.services = services;
    }

    /** Adds the actions to {@code parent}, in two columns: icons and texts. */
    void create(Composite parent) {
        GridLayoutFactory.fillDefaults().numColumns(2).spacing(16, 4).margins(24, 24).applyTo(parent);
        String[] names = {Messages.Welcome_newProject, Messages.Welcome_openCheckout, Messages.Welcome_boot, Messages.Welcome_guide};
        String[] texts = {Messages.Welcome_newProjectText, Messages.Welcome_openCheckoutText, Messages.Welcome_bootText, Messages.Welcome_guideText};
        for (int i = 0; i < COMMANDS.length; i++) {
            action(parent, COMMANDS[i], ICONS[i], names[i], texts[i]);
        }
    }

    private void action(Composite parent, String command, String icon, String name, String description) {
        Label image = new Label(parent, SWT.NONE);
        image.setImage(Images.get(icon));
        image.setBackground(parent.getBackground());
        GridDataFactory.swtDefaults().span(1, 2).align(SWT.END, SWT.BEGINNING).indent(0, 12).applyTo(image);
        Link link = new Link(parent, SWT.NONE);
        link.setText("<a>" + name + "</a>");
        link.setFont(font(link, 1.2));
        link.setBackground(parent.getBackground());
        link.setData("veridian.command", command);
        GridDataFactory.swtDefaults().indent(0, 8).applyTo(link);
        link.addListener(SWT.Selection, e -> execute(command));
        Label text = new Label(parent, SWT.NONE);
        text.setText(description + keys(command));
        text.setBackground(parent.getBackground());
        first = first == null ? link : first;
    }

    /** The keys of a command in brackets. Bindings are not active yet while the first window opens, so all are looked at. */
    private String keys(String command) {
        for (Binding binding : services.getService(IBindingService.class).getBindings()) {
            if (binding.getParameterizedCommand() != null && command.equals(binding.getParameterizedCommand().getId())) {
                return "  (" + binding.getTriggerSequence().format() + ")";
            }
        }
        return "";
    }

    /** The dialog font, {@code factor} times as large, as long as {@code control} lives. */
    static Font font(Control control, double factor) {
        FontData[] data = JFaceResources.getDialogFont().getFontData();
        for (FontData d : data) {
            d.setHeight((int) Math.round(d.getHeight() * factor));
        }
        Font font = new Font(control.getDisplay(), data);
        control.addListener(SWT.Dispose, e -> font.dispose());
        return font;
    }

    private void execute(String command) {
        try {
            services.getService(IHandlerService.class).executeCommand(command, null);
        } catch (CommandException refused) {
            ILog.of(StartActions.class).error(refused.getMessage(), refused);
        }
    }

    void setFocus() {
        first.setFocus();
    }
}
