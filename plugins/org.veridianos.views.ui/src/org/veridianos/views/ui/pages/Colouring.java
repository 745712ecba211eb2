package org.veridianos.views.ui.pages;

import org.veridianos.views.ui.Messages;

/** What the colours of the map tell. */
public enum Colouring {
    /** What a page allows. */
    PERMISSIONS,
    /** How large it is. */
    PAGE_SIZE,
    /** Whose it is: the kernel's, or a kind of region of the user's. */
    OWNER,
    /** Whether it was used and written. */
    HEAT;

    /** For people. */
    public String title() {
        return switch (this) {
            case PERMISSIONS -> Messages.Pages_byPermissions;
            case PAGE_SIZE -> Messages.Pages_bySize;
            case OWNER -> Messages.Pages_byOwner;
            case HEAT -> Messages.Pages_byHeat;
        };
    }

    /** The next one, and after the last the first. */
    public Colouring next() {
        return values()[(ordinal() + 1) % values().length];
    }
}
