/** Preferences: where the tools are. */
package org.veridianos.ide.ui.preferences;
