package org.veridianos.views.ui.paint;

import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.Font;
import org.eclipse.swt.graphics.RGB;
import org.eclipse.swt.widgets.Control;
import org.eclipse.jface.resource.JFaceResources;

/**
 * The workbench's colours and fonts at this moment, and what is derived from them.
 *
 * @param background of the control
 * @param foreground of its text
 * @param selection  of selected things
 * @param dark       whether the background is dark
 * @param normal     for labels
 * @param bold       for headings
 * @param mono       for addresses
 */
public record Theme(RGB background, RGB foreground, RGB selection, boolean dark, Font normal, Font bold, Font mono) {

    /** As {@code control} looks now. */
    public static Theme of(Control control) {
        RGB background = control.getBackground().getRGB();
        if (luminance(background) >= 110) {
            background = control.getDisplay().getSystemColor(SWT.COLOR_LIST_BACKGROUND).getRGB();
        }
        return new Theme(background, control.getForeground().getRGB(), control.getDisplay().getSystemColor(SWT.COLOR_LIST_SELECTION).getRGB(),
                luminance(background) < 110, JFaceResources.getDefaultFont(), JFaceResources.getFontRegistry().getBold(JFaceResources.DEFAULT_FONT),
                JFaceResources.getTextFont());
    }

    private static double luminance(RGB colour) {
        return 0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue;
    }

    /** A colour between two: 0 is the first, 1 the second. */
    public static RGB mix(RGB first, RGB second, double share) {
        return new RGB(between(first.red, second.red, share), between(first.green, second.green, share), between(first.blue, second.blue, share));
    }

    private static int between(int a, int b, double share) {
        return (int) Math.round(a + (b - a) * share);
    }

    /** A hue at full strength, for marks. */
    public RGB mark(Hue hue) {
        return hue.rgb(dark);
    }

    /** A hue behind text, which stays readable. */
    public RGB tint(Hue hue) {
        return mix(background, hue.rgb(dark), dark ? 0.28 : 0.2);
    }

    /** Thin lines that separate. */
    public RGB hairline() {
        return mix(background, foreground, 0.22);
    }

    /** Text of less weight, still readable. */
    public RGB dim() {
        return mix(background, foreground, 0.64);
    }
}
