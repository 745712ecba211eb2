package org.veridianos.ide.ui.terminal;

/**
 * The 256 colours as 0xRRGGBB. The first sixteen exist for a light and for a dark background, so
 * that each keeps a contrast of at least 4.5 : 1 as text; the others are xterm's cube and greys.
 */
public final class Palette {
    private static final int[] ON_DARK = { 0x8a8a8a, 0xff7b72, 0x57c98c, 0xe0b040, 0x79b8ff, 0xe39bd0, 0x56c8d8,
            0xd4d4d4, 0x9e9e9e, 0xffa198, 0x7ee2a8, 0xf2cc60, 0xa5d6ff, 0xf0b8e0, 0x8be9f5, 0xffffff };
    private static final int[] ON_LIGHT = { 0x000000, 0xb3261e, 0x00704f, 0x7a5a00, 0x005a9c, 0x8f3d78, 0x006a78,
            0x5a5a5a, 0x4a4a4a, 0xc4320a, 0x007a53, 0x805f00, 0x0065b3, 0xa04486, 0x00717f, 0x303030 };
    /** As background the plain colours, on which text in the theme's own colour is not expected. */
    private static final int[] BACKGROUND = { 0x000000, 0xb3261e, 0x007a53, 0xc58f00, 0x0065b3, 0xa04486, 0x00717f,
            0xc8c8c8, 0x5a5a5a, 0xe0563f, 0x2aa876, 0xf0c040, 0x56a4e9, 0xcc79a7, 0x3fb8c8, 0xffffff };

    private Palette() {
    }

    /** @return colour of text with palette entry {@code index} */
    public static int foreground(int index, boolean dark) {
        return index < 16 ? (dark ? ON_DARK : ON_LIGHT)[index] : extended(index);
    }

    /** @return colour of a cell's background with palette entry {@code index} */
    public static int background(int index) {
        return index < 16 ? BACKGROUND[index] : extended(index);
    }

    private static int extended(int index) {
        if (index >= 232) {
            int grey = 8 + (index - 232) * 10;
            return grey << 16 | grey << 8 | grey;
        }
        int n = index - 16;
        return level(n / 36) << 16 | level(n / 6 % 6) << 8 | level(n % 6);
    }

    private static int level(int step) {
        return step == 0 ? 0 : 55 + step * 40;
    }

    /** @return the entry of the colour cube that is nearest to a direct colour */
    static int nearest(int red, int green, int blue) {
        return 16 + 36 * step(red) + 6 * step(green) + step(blue);
    }

    private static int step(int value) {
        int v = Math.clamp(value, 0, 255);
        return v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40;
    }
}
