package org.veridianos.views.ui;

import org.eclipse.jface.resource.ImageDescriptor;
import org.eclipse.jface.resource.ResourceLocator;

/** The icons of the views. */
public final class Images {

    /** The bundle, which qualifies every id. */
    public static final String BUNDLE = "org.veridianos.views.ui";

    public static final String FILTER = "filter";
    public static final String MACHINE = "machine";
    public static final String MEMORY = "memory";
    public static final String PAUSE = "pause";
    public static final String REFRESH = "refresh";
    public static final String TABLE = "table";

    private Images() {
    }

    /** The icon called {@code name}. */
    public static ImageDescriptor descriptor(String name) {
        return ResourceLocator.imageDescriptorFromBundle(BUNDLE, "icons/" + name + ".svg").orElseGet(ImageDescriptor::getMissingImageDescriptor);
    }
}
