package org.veridianos.inspect.model;

import java.util.Collections;
import java.util.List;

/**
 * A capability space: a directory of chunks of slots.
 *
 * @param address      of the space
 * @param id           number, never reused
 * @param holder       the object that it belongs to: a process, or an object that keeps capabilities, such as a namespace
 * @param pid          number of its process, or 0
 * @param chunks       the second level, in order of their numbers
 * @param capabilities live capabilities, by index
 * @param limit        the most it may hold
 * @param rights       names of the bits of rights, lowest first
 * @param consistency  whether the directory was read whole
 */
public record CapabilitySpace(long address, long id, KernelObject holder, int pid, List<Chunk> chunks, List<Capability> capabilities, long limit,
        List<String> rights, Consistency consistency) {

    /** What is in a slot, in the occupancy map. */
    public enum Place {
        /** The chunk's header. */
        HEADER,
        /** Nothing. */
        FREE,
        /** A live capability. */
        LIVE,
        /** Dead, but still linked. */
        DYING,
        /** Used up. */
        RETIRED
    }

    /**
     * A chunk of slots.
     *
     * @param number   index of its first slot is {@code number * places.size()}
     * @param address  of its first slot
     * @param places   what is in each slot
     */
    public record Chunk(int number, long address, List<Place> places) {
        /** Copies the list. */
        public Chunk {
            places = List.copyOf(places);
        }

        /** Slots that hold a live capability. */
        public int live() {
            int count = 0;
            for (Place place : places) {
                if (place == Place.LIVE) {
                    count++;
                }
            }
            return count;
        }
    }

    /** Takes lists that nobody changes any more. */
    public CapabilitySpace {
        chunks = List.copyOf(chunks);
        capabilities = Collections.unmodifiableList(capabilities);
        rights = List.copyOf(rights);
    }

    /** The rights of a capability in words, such as {@code read|write}; {@code none}. */
    public String rightsText(Capability capability) {
        return rightsText(rights, capability.rights());
    }

    /** Bits of rights in words. */
    public static String rightsText(List<String> names, int rights) {
        StringBuilder text = new StringBuilder();
        for (int bit = 0; bit < 32; bit++) {
            if ((rights >>> bit & 1) != 0) {
                text.append(text.isEmpty() ? "" : "|").append(bit < names.size() ? names.get(bit) : "bit " + bit);
            }
        }
        return text.isEmpty() ? "none" : text.toString();
    }
}
