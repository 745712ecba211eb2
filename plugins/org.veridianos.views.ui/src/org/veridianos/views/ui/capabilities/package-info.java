/** Capability spaces: who holds what, with which rights. */
package org.veridianos.views.ui.capabilities;
