package org.veridianos.ide.launch;

/**
 * The last bytes of a stream, for listeners that come late. Not thread-safe.
 *
 * <p>A ring of fixed size: a guest that prints without end costs no more memory than one that prints a page.
 */
final class Replay {

    private final byte[] ring;
    private long written;

    Replay(int size) {
        ring = new byte[size];
    }

    void add(byte[] bytes, int offset, int count) {
        int skip = Math.max(0, count - ring.length);
        written += skip;
        for (int from = offset + skip, left = count - skip; left > 0;) {
            int at = (int) (written % ring.length);
            int piece = Math.min(left, ring.length - at);
            System.arraycopy(bytes, from, ring, at, piece);
            written += piece;
            from += piece;
            left -= piece;
        }
    }

    /** What is kept, oldest first. A truncated beginning starts after its first line feed. */
    byte[] toBytes() {
        int count = (int) Math.min(written, ring.length);
        byte[] kept = new byte[count];
        int start = (int) ((written - count) % ring.length);
        int first = Math.min(count, ring.length - start);
        System.arraycopy(ring, start, kept, 0, first);
        System.arraycopy(ring, 0, kept, first, count - first);
        return written > ring.length ? afterLineFeed(kept) : kept;
    }

    private static byte[] afterLineFeed(byte[] kept) {
        for (int i = 0; i < kept.length; i++) {
            if (kept[i] == '\n') {
                return java.util.Arrays.copyOfRange(kept, i + 1, kept.length);
            }
        }
        return kept;
    }
}
