/**
 * Driving a workbench from a test: find widgets, press keys, move the pointer, look at the screen.
 *
 * <p>Tests run on a thread of their own. Everything that touches a widget goes through {@link
 * org.veridianos.ide.ui.tests.bot.Bot#ui}; what opens a modal dialog is sent without waiting for it.
 */
package org.veridianos.ide.ui.tests.bot;
