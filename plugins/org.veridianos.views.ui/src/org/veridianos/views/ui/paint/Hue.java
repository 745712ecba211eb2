package org.veridianos.views.ui.paint;

import org.eclipse.swt.graphics.RGB;

/** Colours that mean something, the same in every view (Okabe and Ito); each comes with a second sign where it is used. */
public enum Hue {
    /** Running, executing; pages that may be executed. */
    RUNNING(0x00, 0x9E, 0x73),
    /** Ready, waiting for a CPU. */
    READY(0x56, 0xB4, 0xE9),
    /** In the kernel. */
    KERNEL(0x00, 0x72, 0xB2),
    /** Findings, danger, interrupts. */
    DANGER(0xD5, 0x5E, 0x00),
    /** Blocked in IPC. */
    IPC(0xCC, 0x79, 0xA7),
    /** Blocked on lock, timer or memory; pages that may be written. */
    BLOCKED(0xE6, 0x9F, 0x00),
    /** New since the chosen moment. */
    NEW(0xF0, 0xE4, 0x42),
    /** Gone, read-only, inconsistent. */
    GREY(0x80, 0x80, 0x80);

    private final RGB light;
    private final RGB dark;

    Hue(int red, int green, int blue) {
        light = new RGB(red, green, blue);
        dark = Theme.mix(light, new RGB(255, 255, 255), 0.3);
    }

    /** The colour for a light or dark background. */
    public RGB rgb(boolean onDark) {
        return onDark ? dark : light;
    }
}
