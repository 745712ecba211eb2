package org.veridianos.ide.ui;

import org.eclipse.jface.resource.ImageDescriptor;
import org.eclipse.jface.resource.JFaceResources;
import org.eclipse.jface.resource.ResourceLocator;
import org.eclipse.swt.graphics.Image;

/** The icons of the shell, one family, each legible on light and dark and at any size. */
public final class Images {

    /** The bundle, which qualifies every id. */
    public static final String BUNDLE = "org.veridianos.ide.ui";

    public static final String VERIDIAN = "veridian";
    public static final String BOOT = "boot";
    public static final String CLEAR = "clear";
    public static final String CONSOLE = "console";
    public static final String GUIDE = "guide";
    public static final String KERNEL_PROJECT = "kernel_project";
    public static final String MACHINE = "machine";
    public static final String NEW_PROJECT = "new_project";
    public static final String OPEN_CHECKOUT = "open_checkout";
    public static final String PROGRAM = "program";
    public static final String REMOVE = "remove";
    public static final String TERMINATE = "terminate";
    public static final String TRUST = "trust";
    public static final String WIZARD = "wizard";
    public static final String ABOUT = "about";

    private Images() {
    }

    /** The icon called {@code name}. */
    public static ImageDescriptor descriptor(String name) {
        return ResourceLocator.imageDescriptorFromBundle(BUNDLE, "icons/" + name + ".svg").orElseGet(ImageDescriptor::getMissingImageDescriptor);
    }

    /** The icon called {@code name} as a shared image, which nobody disposes. UI thread only. */
    public static Image get(String name) {
        String key = BUNDLE + "." + name;
        if (JFaceResources.getImageRegistry().getDescriptor(key) == null) {
            JFaceResources.getImageRegistry().put(key, descriptor(name));
        }
        return JFaceResources.getImage(key);
    }
}
