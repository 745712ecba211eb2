package org.veridianos.views.ui.live;

import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.SashForm;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Event;
import org.eclipse.ui.IMemento;
import org.veridianos.views.ui.model.Subject;
import org.veridianos.views.ui.widget.CellCanvas;
import org.veridianos.views.ui.widget.LiveTable;

/**
 * A view with a list of spaces at the left, and beside it the selected one: its picture, and below that its tables. T goes from
 * the picture to the table below it and back; a process that another view selects is shown here too.
 *
 * @param <S> a space in the list
 */
public abstract class SpacesView<M, S> extends LiveView<M> {

    private static final int WHOLE = 1000;

    private SashForm across;
    private SashForm down;
    private LiveTable<S> spaces;
    private CellCanvas map;
    private int wantedPid;
    /** Name of the space that was shown before a restart, until it was looked for. */
    private String keptSpace;

    /** The list. */
    protected abstract LiveTable<S> createSpaces(Composite parent);

    /** The picture of the selected space. */
    protected abstract CellCanvas createMap(Composite parent);

    /** The tables below the picture. */
    protected abstract Control createDetails(Composite parent);

    /** What the selected space is called, in every machine and at any time; null for none. */
    protected abstract String spaceName();

    /** Room for the list and for the picture at first, in thousandths of what there is. */
    protected abstract int[] firstWeights();

    @Override
    protected final Control createContent(Composite parent) {
        across = new SashForm(parent, SWT.HORIZONTAL);
        spaces = createSpaces(across);
        spaces.onArrangement(this::refresh);
        down = new SashForm(across, SWT.VERTICAL);
        map = createMap(down);
        map.addListener(SWT.KeyDown, e -> swap(e, table().control()));
        createDetails(down);
        across.setWeights(firstWeights()[0], WHOLE - firstWeights()[0]);
        down.setWeights(firstWeights()[1], WHOLE - firstWeights()[1]);
        return across;
    }

    /** Takes the focus back to the picture when T is pressed in {@code details}. */
    protected final void swapBack(LiveTable<?> details) {
        details.control().addListener(SWT.KeyDown, e -> swap(e, map));
    }

    private static void swap(Event e, Control other) {
        if ((e.stateMask & SWT.MODIFIER_MASK) == 0 && e.character == 't') {
            other.setFocus();
            e.doit = false;
        }
    }

    /** The list of spaces. */
    public final LiveTable<S> spaces() {
        return spaces;
    }

    @Override
    public final CellCanvas canvas() {
        return map;
    }

    /** Number of the process that another view selected and that is not shown yet, 0 for none. */
    protected final int wantedPid() {
        return wantedPid;
    }

    /** Name of the space that was shown before a restart; null when it was looked for already, or the user has chosen one. */
    protected final String keptSpace() {
        return keptSpace;
    }

    /** The user has chosen a space, or the kept one was looked for. */
    protected final void forgetKeptSpace() {
        keptSpace = null;
    }

    /** The wanted process is shown, or there is none. */
    protected final void pidShown() {
        wantedPid = 0;
    }

    @Override
    protected final void focusContent() {
        spaces.control().setFocus();
    }

    @Override
    protected final void follow(Subject subject) {
        if (subject.pid() != 0) {
            wantedPid = subject.pid();
            refresh();
        }
    }

    @Override
    protected void save(IMemento into) {
        spaces.save(into, "spaces");
        String name = keptSpace != null ? keptSpace : spaceName();
        if (name != null) {
            into.putString("space", name);
        }
        into.putInteger("across", across.getWeights()[0]);
        into.putInteger("down", down.getWeights()[0]);
    }

    @Override
    protected void restore(IMemento from) {
        spaces.restore(from, "spaces");
        keptSpace = from == null ? null : from.getString("space");
        weigh(across, from, "across");
        weigh(down, from, "down");
    }

    private static void weigh(SashForm sash, IMemento from, String key) {
        Integer first = from == null ? null : from.getInteger(key);
        if (first != null && first > 0 && first < WHOLE) {
            sash.setWeights(first, WHOLE - first);
        }
    }
}
