package org.veridianos.views.ui.tests;

import java.lang.reflect.Field;
import java.util.List;
import java.util.function.Consumer;
import org.eclipse.swt.accessibility.ACC;
import org.eclipse.swt.accessibility.Accessible;
import org.eclipse.swt.accessibility.AccessibleControlEvent;
import org.eclipse.swt.accessibility.AccessibleControlListener;
import org.eclipse.swt.accessibility.AccessibleEvent;
import org.eclipse.swt.accessibility.AccessibleListener;
import org.eclipse.swt.widgets.Control;

/**
 * What a screen reader hears of a control: its listeners are asked as the accessibility bridge asks them, which has no bus on
 * a virtual screen. UI thread only.
 *
 * @param name  name
 * @param value value
 * @param role  one of {@link ACC}
 */
record Heard(String name, String value, int role) {

    static Heard of(Control control) {
        Accessible accessible = control.getAccessible();
        AccessibleEvent name = new AccessibleEvent(control);
        name.childID = ACC.CHILDID_SELF;
        AccessibleControlEvent value = new AccessibleControlEvent(control);
        value.childID = ACC.CHILDID_SELF;
        Heard.<AccessibleListener>each(accessible, "accessibleListeners", l -> l.getName(name));
        Heard.<AccessibleControlListener>each(accessible, "accessibleControlListeners", l -> {
            l.getRole(value);
            l.getValue(value);
        });
        return new Heard(name.result, value.result, value.detail);
    }

    @SuppressWarnings("unchecked")
    private static <L> void each(Accessible accessible, String field, Consumer<L> work) {
        try {
            Field listeners = Accessible.class.getDeclaredField(field);
            listeners.setAccessible(true);
            ((List<L>) listeners.get(accessible)).forEach(work);
        } catch (ReflectiveOperationException otherToolkit) {
            throw new AssertionError(otherToolkit);
        }
    }
}
