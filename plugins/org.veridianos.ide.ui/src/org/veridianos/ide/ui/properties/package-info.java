/** Properties of a kernel project. */
package org.veridianos.ide.ui.properties;
