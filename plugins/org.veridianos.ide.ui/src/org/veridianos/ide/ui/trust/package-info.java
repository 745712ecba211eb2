/** Asking whether code of a location may run. */
package org.veridianos.ide.ui.trust;
