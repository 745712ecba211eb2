/**
 * Highlighting, bracket matching and comment toggling for the languages of a kernel, contributed to the generic editor.
 *
 * <p>A {@link org.veridianos.ide.ui.editor.Language} is data; partition scanner, code scanner, pair matcher and the
 * comment command read it. Documents are partitioned when they are opened, so that an edit re-reads a few lines only.
 */
package org.veridianos.ide.ui.editor;
