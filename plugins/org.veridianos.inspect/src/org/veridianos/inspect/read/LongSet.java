package org.veridianos.inspect.read;

import java.util.Arrays;

/** Addresses that were seen: open addressing, without boxing. Zero is never in it. */
final class LongSet {

    private long[] places = new long[64];
    private int count;

    /** Adds a number; false when it was there already. */
    boolean add(long number) {
        if (number == 0) {
            return false;
        }
        if (count * 2 >= places.length) {
            long[] old = places;
            places = new long[old.length * 2];
            for (long each : old) {
                if (each != 0) {
                    places[place(each)] = each;
                }
            }
        }
        int at = place(number);
        if (places[at] == number) {
            return false;
        }
        places[at] = number;
        count++;
        return true;
    }

    boolean contains(long number) {
        return number != 0 && places[place(number)] == number;
    }

    int size() {
        return count;
    }

    void clear() {
        Arrays.fill(places, 0);
        count = 0;
    }

    private int place(long number) {
        int mask = places.length - 1;
        int at = LongIndex.hash(number) & mask;
        while (places[at] != 0 && places[at] != number) {
            at = at + 1 & mask;
        }
        return at;
    }
}
