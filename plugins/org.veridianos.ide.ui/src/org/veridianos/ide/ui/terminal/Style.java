package org.veridianos.ide.ui.terminal;

/** Select Graphic Rendition: the parameters of {@code CSI … m}. */
final class Style {
    private static final long ALL_ATTRIBUTES = Cell.BOLD | Cell.DIM | Cell.ITALIC | Cell.UNDERLINE | Cell.INVERSE
            | Cell.HIDDEN | Cell.STRIKE;

    private Style() {
    }

    static long apply(long style, int[] parameters, int count) {
        long s = style;
        for (int i = 0; i < count; i++) {
            int p = Math.max(0, parameters[i]);
            switch (p) {
            case 0 -> s = 0;
            case 1 -> s |= Cell.BOLD;
            case 2 -> s |= Cell.DIM;
            case 3 -> s |= Cell.ITALIC;
            case 4, 21 -> s |= Cell.UNDERLINE;
            case 7 -> s |= Cell.INVERSE;
            case 8 -> s |= Cell.HIDDEN;
            case 9 -> s |= Cell.STRIKE;
            case 22 -> s &= ~(Cell.BOLD | Cell.DIM);
            case 23 -> s &= ~Cell.ITALIC;
            case 24 -> s &= ~Cell.UNDERLINE;
            case 27 -> s &= ~Cell.INVERSE;
            case 28 -> s &= ~Cell.HIDDEN;
            case 29 -> s &= ~Cell.STRIKE;
            case 39 -> s = Cell.withForeground(s, -1);
            case 49 -> s = Cell.withBackground(s, -1);
            case 38, 48 -> {
                int colour = -2;
                if (i + 2 < count && parameters[i + 1] == 5) {
                    colour = Math.min(255, Math.max(0, parameters[i + 2]));
                    i += 2;
                } else if (i + 4 < count && parameters[i + 1] == 2) {
                    colour = Palette.nearest(parameters[i + 2], parameters[i + 3], parameters[i + 4]);
                    i += 4;
                } else {
                    i = count;
                }
                if (colour >= 0) {
                    s = p == 38 ? Cell.withForeground(s, colour) : Cell.withBackground(s, colour);
                }
            }
            default -> s = basicColour(s, p);
            }
        }
        return s & (Cell.STYLE_MASK | ALL_ATTRIBUTES);
    }

    private static long basicColour(long style, int p) {
        if (p >= 30 && p <= 37) {
            return Cell.withForeground(style, p - 30);
        }
        if (p >= 40 && p <= 47) {
            return Cell.withBackground(style, p - 40);
        }
        if (p >= 90 && p <= 97) {
            return Cell.withForeground(style, p - 90 + 8);
        }
        if (p >= 100 && p <= 107) {
            return Cell.withBackground(style, p - 100 + 8);
        }
        return style;
    }
}
