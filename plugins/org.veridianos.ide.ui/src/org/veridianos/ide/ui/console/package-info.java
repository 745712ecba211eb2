/** The guest's serial line as a terminal in the Console view: one console per machine that a launch has started. */
package org.veridianos.ide.ui.console;
