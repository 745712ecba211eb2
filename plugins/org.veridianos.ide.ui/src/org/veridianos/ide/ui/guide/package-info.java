/**
 * The user guide inside the IDE: Markdown pages and pictures of the bundle, shown in an editor.
 *
 * <p>Drawn with the workbench's own text widget rather than a browser, so that it works offline and everywhere, follows
 * the theme, and opens without starting another process.
 */
package org.veridianos.ide.ui.guide;
