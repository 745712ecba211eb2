package org.veridianos.ide.ui.welcome;

import org.eclipse.core.commands.common.CommandException;
import org.eclipse.core.runtime.ILog;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.jface.resource.JFaceResources;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.ScrolledComposite;
import org.eclipse.swt.graphics.Font;
import org.eclipse.swt.graphics.FontData;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Link;
import org.eclipse.ui.handlers.IHandlerService;
import org.eclipse.ui.keys.IBindingService;
import org.eclipse.ui.part.IntroPart;
import org.veridianos.ide.ui.Images;

/** Four ways to begin, the same as in the empty editor area. */
public final class WelcomePart extends IntroPart {

    /** The actions, in the order of the perspective's empty editor area. */
    public static final String[] COMMANDS = {"org.veridianos.ide.ui.newProject", "org.veridianos.ide.ui.openCheckout", "org.veridianos.ide.ui.boot",
            "org.veridianos.ide.ui.guide"};
    private static final String[] ICONS = {Images.NEW_PROJECT, Images.OPEN_CHECKOUT, Images.BOOT, Images.GUIDE};

    private ScrolledComposite scroll;
    private Link first;

    @Override
    public void createPartControl(Composite parent) {
        scroll = new ScrolledComposite(parent, SWT.V_SCROLL | SWT.H_SCROLL);
        scroll.setExpandHorizontal(true);
        scroll.setExpandVertical(true);
        Composite page = new Composite(scroll, SWT.NONE);
        GridLayoutFactory.fillDefaults().applyTo(page);
        Composite column = new Composite(page, SWT.NONE);
        GridLayoutFactory.fillDefaults().numColumns(2).spacing(16, 4).margins(24, 24).applyTo(column);
        GridDataFactory.swtDefaults().align(SWT.CENTER, SWT.CENTER).grab(true, true).applyTo(column);
        Label mark = new Label(column, SWT.NONE);
        mark.setImage(Images.get("window64"));
        GridDataFactory.swtDefaults().span(1, 2).applyTo(mark);
        Label title = new Label(column, SWT.NONE);
        title.setText(Messages.Welcome_title);
        title.setFont(font(title, 2.2));
        new Label(column, SWT.NONE).setText(Messages.Welcome_subtitle);
        Label space = new Label(column, SWT.NONE);
        GridDataFactory.swtDefaults().span(2, 1).hint(1, 20).applyTo(space);
        String[] names = {Messages.Welcome_newProject, Messages.Welcome_openCheckout, Messages.Welcome_boot, Messages.Welcome_guide};
        String[] texts = {Messages.Welcome_newProjectText, Messages.Welcome_openCheckoutText, Messages.Welcome_bootText, Messages.Welcome_guideText};
        for (int i = 0; i < COMMANDS.length; i++) {
            action(column, COMMANDS[i], ICONS[i], names[i], texts[i]);
        }
        scroll.setContent(page);
        scroll.setMinSize(page.computeSize(SWT.DEFAULT, SWT.DEFAULT));
    }

    private void action(Composite column, String command, String icon, String name, String description) {
        Label image = new Label(column, SWT.NONE);
        image.setImage(Images.get(icon));
        GridDataFactory.swtDefaults().span(1, 2).align(SWT.END, SWT.BEGINNING).indent(0, 12).applyTo(image);
        Link link = new Link(column, SWT.NONE);
        link.setText("<a>" + name + "</a>");
        link.setFont(font(link, 1.2));
        link.setData("veridian.command", command);
        GridDataFactory.swtDefaults().indent(0, 8).applyTo(link);
        link.addListener(SWT.Selection, e -> execute(command));
        IBindingService bindings = getIntroSite().getService(IBindingService.class);
        String keys = bindings.getBestActiveBindingFormattedFor(command);
        new Label(column, SWT.NONE).setText(keys == null ? description : description + "  (" + keys + ")");
        first = first == null ? link : first;
    }

    private static Font font(Control control, double factor) {
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
            getIntroSite().getService(IHandlerService.class).executeCommand(command, null);
        } catch (CommandException refused) {
            ILog.of(WelcomePart.class).error(refused.getMessage(), refused);
        }
    }

    @Override
    public void setFocus() {
        first.setFocus();
    }

    @Override
    public void standbyStateChanged(boolean standby) {
        // It looks the same small and large.
    }
}
