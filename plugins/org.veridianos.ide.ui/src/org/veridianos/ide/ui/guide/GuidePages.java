package org.veridianos.ide.ui.guide;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.swt.SWTException;
import org.eclipse.swt.graphics.ImageData;

/** The pages of the bundle. Reads files and decodes pictures, so it is called from jobs. */
final class GuidePages {

    /** Where the guide begins. */
    static final String FIRST = "index.md";
    private static final String FOLDER = "/guide/";

    /**
     * A page, ready to be shown.
     *
     * @param pictures by the path that the page uses
     */
    record Page(String name, String title, List<Markdown.Block> blocks, Map<String, ImageData> pictures) {
    }

    private GuidePages() {
    }

    /**
     * Reads a page.
     *
     * @throws IOException when the bundle lacks it
     */
    static Page read(String name) throws IOException {
        List<Markdown.Block> blocks;
        try (InputStream in = open(name)) {
            blocks = Markdown.parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
        Map<String, ImageData> pictures = new HashMap<>();
        for (Markdown.Block block : blocks) {
            if (block.kind() == Markdown.Kind.PICTURE) {
                String path = block.pieces().get(0).target();
                try (InputStream in = open(path)) {
                    pictures.put(path, new ImageData(in));
                } catch (IOException | SWTException missing) {
                    // The page is still readable; the picture's caption takes its place.
                    continue;
                }
            }
        }
        String title = blocks.isEmpty() ? name : blocks.get(0).plain();
        return new Page(name, title, blocks, pictures);
    }

    private static InputStream open(String name) throws IOException {
        InputStream in = GuidePages.class.getResourceAsStream(FOLDER + name);
        if (in == null) {
            throw new IOException(name + " is missing");
        }
        return in;
    }
}
