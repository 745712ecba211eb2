package org.veridianos.inspect.model;

import java.util.List;

/**
 * What every frame of physical memory is used for, as the kernel's frame records say.
 *
 * @param sections one for each stretch of records, by rising address
 * @param states   names of the states, by number
 */
public record Frames(List<Section> sections, List<String> states) {

    /** Copies the lists. */
    public Frames {
        sections = List.copyOf(sections);
        states = List.copyOf(states);
    }

    /** A stretch of frames; frame {@code first + i} is entry {@code i} of each array. */
    public static final class Section {
        private final long first;
        private final byte[] state;
        private final byte[] zone;
        private final String problem;

        /** Takes arrays of equal length that nobody changes any more. */
        public Section(long first, byte[] state, byte[] zone, String problem) {
            this.first = first;
            this.state = state;
            this.zone = zone;
            this.problem = problem;
        }

        /** Number of its first frame. */
        public long first() {
            return first;
        }

        /** Number of frames. */
        public int size() {
            return state.length;
        }

        /** Number of a frame's state. */
        public int state(int index) {
            return state[index];
        }

        /** Index of a frame's zone. */
        public int zone(int index) {
            return zone[index];
        }

        /** Why the rest of it could not be read, or null. */
        public String problem() {
            return problem;
        }
    }

    /** Name of the state of a frame; empty when it has no record. */
    public String stateOf(long frame) {
        Section section = section(frame);
        if (section == null) {
            return "";
        }
        int state = section.state((int) (frame - section.first));
        return state >= 0 && state < states.size() ? states.get(state) : "state " + state;
    }

    /** Whether the frame is free for anybody. */
    public boolean isFree(long frame) {
        String state = stateOf(frame);
        return state.equals("Free") || state.equals("Cached");
    }

    private Section section(long frame) {
        int low = 0;
        int high = sections.size() - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            Section section = sections.get(middle);
            if (frame < section.first) {
                high = middle - 1;
            } else if (frame >= section.first + section.size()) {
                low = middle + 1;
            } else {
                return section;
            }
        }
        return null;
    }
}
