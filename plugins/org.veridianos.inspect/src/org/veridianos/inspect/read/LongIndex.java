package org.veridianos.inspect.read;

/** Numbers other than 0, and the position of each in a list: open addressing, without boxing. */
public final class LongIndex {

    private long[] keys;
    private int[] values;
    private int count;

    /** An empty index with room for about {@code expected} numbers. */
    public LongIndex(int expected) {
        int size = Integer.highestOneBit(Math.max(16, expected)) * 4;
        keys = new long[size];
        values = new int[size];
    }

    /** Notes where a number is; a later position replaces an earlier one. */
    public void put(long key, int value) {
        if (key == 0) {
            return;
        }
        if (count * 2 >= keys.length) {
            grow();
        }
        int at = place(key);
        if (keys[at] == 0) {
            keys[at] = key;
            count++;
        }
        values[at] = value;
    }

    /** The position, or -1. */
    public int get(long key) {
        if (key == 0) {
            return -1;
        }
        int at = place(key);
        return keys[at] == key ? values[at] : -1;
    }

    private void grow() {
        long[] oldKeys = keys;
        int[] oldValues = values;
        keys = new long[oldKeys.length * 2];
        values = new int[keys.length];
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != 0) {
                int at = place(oldKeys[i]);
                keys[at] = oldKeys[i];
                values[at] = oldValues[i];
            }
        }
    }

    private int place(long key) {
        int mask = keys.length - 1;
        int at = hash(key) & mask;
        while (keys[at] != 0 && keys[at] != key) {
            at = at + 1 & mask;
        }
        return at;
    }

    static int hash(long number) {
        long mixed = number * 0x9e37_79b9_7f4a_7c15L;
        return (int) (mixed >>> 32);
    }
}
