/** The page that a new workspace begins with. */
package org.veridianos.ide.ui.welcome;
