package org.veridianos.views.ui.pages;

import java.util.List;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.Permissions;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.paint.Hue;
import org.veridianos.views.ui.paint.Pen;

/**
 * How the map draws a page: a colour, and a sign that tells the same without it.
 *
 * @param hue  colour
 * @param sign second sign
 * @param name what both mean
 */
record PageStyle(Hue hue, Sign sign, String name) {

    /** What tells pages apart without colours. */
    enum Sign {
        /** Filled. */
        FULL,
        /** Filled, with narrow stripes. */
        STRIPES,
        /** Filled, with one line from corner to corner. */
        DIAGONAL,
        /** The lower half filled. */
        HALF,
        /** Only a border. */
        BORDER
    }

    private static final PageStyle WRITE_EXECUTE = new PageStyle(Hue.DANGER, Sign.STRIPES, Messages.Pages_writeExecute);
    private static final PageStyle WRITE = new PageStyle(Hue.BLOCKED, Sign.FULL, Messages.Pages_write);
    private static final PageStyle EXECUTE = new PageStyle(Hue.RUNNING, Sign.FULL, Messages.Pages_execute);
    private static final PageStyle READ = new PageStyle(Hue.GREY, Sign.FULL, Messages.Pages_read);
    private static final List<PageStyle> SIZES = List.of(new PageStyle(Hue.GREY, Sign.FULL, Numbers.size(PageFormat.size(0))),
            new PageStyle(Hue.READY, Sign.DIAGONAL, Numbers.size(PageFormat.size(1))), new PageStyle(Hue.KERNEL, Sign.STRIPES, Numbers.size(PageFormat.size(2))));
    private static final PageStyle UNTOUCHED = new PageStyle(Hue.GREY, Sign.BORDER, Messages.Pages_untouched);
    private static final PageStyle ACCESSED = new PageStyle(Hue.READY, Sign.HALF, Messages.Pages_accessed);
    private static final PageStyle DIRTY = new PageStyle(Hue.DANGER, Sign.FULL, Messages.Pages_dirty);
    private static final PageStyle KERNEL = new PageStyle(Hue.KERNEL, Sign.DIAGONAL, Messages.Pages_kernel);
    private static final PageStyle ANONYMOUS = new PageStyle(Hue.BLOCKED, Sign.FULL, "Anonymous");
    private static final PageStyle SHARED = new PageStyle(Hue.IPC, Sign.STRIPES, "Shared");
    private static final PageStyle PRIVATE = new PageStyle(Hue.READY, Sign.HALF, "Private");
    private static final PageStyle OTHER = new PageStyle(Hue.GREY, Sign.BORDER, Messages.Pages_noRegion);

    /** Every style of a colouring, for its legend. */
    static List<PageStyle> of(Colouring colouring) {
        return switch (colouring) {
            case PERMISSIONS -> List.of(READ, WRITE, EXECUTE, WRITE_EXECUTE);
            case PAGE_SIZE -> SIZES;
            case OWNER -> List.of(KERNEL, ANONYMOUS, PRIVATE, SHARED, OTHER);
            case HEAT -> List.of(UNTOUCHED, ACCESSED, DIRTY);
        };
    }

    /** The style of a page; {@code region} is the kind of region that it lies in. */
    static PageStyle of(Colouring colouring, Permissions allowed, int level, boolean accessed, boolean dirty, String region) {
        return switch (colouring) {
            case PERMISSIONS -> allowed.isWriteExecute() ? WRITE_EXECUTE : allowed.write() ? WRITE : allowed.execute() ? EXECUTE : READ;
            case PAGE_SIZE -> SIZES.get(Math.clamp(level, 0, SIZES.size() - 1));
            case OWNER -> !allowed.user() ? KERNEL : of(Colouring.OWNER).stream().filter(s -> s.name.equals(region)).findFirst().orElse(OTHER);
            case HEAT -> !accessed ? UNTOUCHED : dirty ? DIRTY : ACCESSED;
        };
    }

    /** Draws a cell. */
    void draw(Pen pen, int x, int y, int width, int height) {
        if (sign == Sign.BORDER) {
            pen.box(pen.theme().mark(hue), x, y, width, height);
            return;
        }
        if (sign == Sign.HALF) {
            pen.box(pen.theme().mark(hue), x, y, width, height);
            pen.fill(pen.theme().mark(hue), x, y + height / 2, width, height - height / 2);
            return;
        }
        pen.fill(pen.theme().mark(hue), x, y, width, height);
        if (sign == Sign.STRIPES && width >= 5) {
            pen.hatch(pen.theme().background(), x, y, width, height, 3);
        } else if (sign == Sign.DIAGONAL && width >= 5) {
            pen.line(pen.theme().background(), Pen.Dash.SOLID, 1, x, y + height - 1, x + width - 1, y);
        }
    }
}
