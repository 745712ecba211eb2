package org.veridianos.views.ui.model;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;

/**
 * All capability spaces in short, and one of them whole.
 *
 * @param spaces   the list
 * @param selected the one that is shown; null when there is none
 * @param table    its capabilities
 * @param bySlot   its live capabilities by index
 */
public record SpaceModel(Rows<CapabilitySpace> spaces, CapabilitySpace selected, Rows<Entry> table, Map<Integer, Capability> bySlot) {

    private static final char[] LETTERS = {'r', 'w', 'x', 'g', 'd', 'm'};

    /**
     * A capability with its object's name.
     *
     * @param capability the capability
     * @param object     its object, for people
     * @param rights     {@code r w x g d m}, a dot for each that is missing
     */
    public record Entry(Capability capability, String object, String rights) {
    }

    /** What {@code snapshot} shows; {@code wanted} is the address of a space, 0 for the first of a process. */
    public static SpaceModel of(Snapshot snapshot, long wanted, Arrangement<CapabilitySpace> spaces, Arrangement<Entry> entries) {
        List<CapabilitySpace> all = snapshot.capabilitySpaces();
        CapabilitySpace selected = all.stream().filter(s -> s.address() == wanted).findFirst().orElse(all.isEmpty() ? null : all.get(0));
        if (selected == null) {
            return new SpaceModel(spaces.apply(all), null, Rows.none(), Map.of());
        }
        Map<Integer, Capability> bySlot = new HashMap<>();
        selected.capabilities().forEach(c -> bySlot.put(c.index(), c));
        List<String> names = selected.rights();
        List<Entry> table = selected.capabilities().stream().map(c -> new Entry(c, snapshot.object(c.object(), c.kind()).name(), letters(names, c.rights()))).toList();
        return new SpaceModel(spaces.apply(all), selected, entries.apply(table), bySlot);
    }

    /** Rights as letters that stand in columns; bits beyond the known six follow by number. */
    public static String letters(List<String> names, int rights) {
        StringBuilder text = new StringBuilder();
        int known = Math.max(LETTERS.length, names.size());
        for (int bit = 0; bit < known; bit++) {
            char letter = bit < names.size() && !names.get(bit).isEmpty() ? letter(names.get(bit)) : LETTERS[bit];
            text.append((rights >>> bit & 1) != 0 ? letter : '\u00b7');
        }
        for (int bit = known; bit < 32; bit++) {
            if ((rights >>> bit & 1) != 0) {
                text.append('+').append(bit);
            }
        }
        return text.toString();
    }

    private static char letter(String right) {
        return right.equals("execute") ? 'x' : Character.toLowerCase(right.charAt(0));
    }
}
