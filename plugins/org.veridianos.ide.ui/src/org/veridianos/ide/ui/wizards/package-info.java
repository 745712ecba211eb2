/** Wizards: a new kernel project from the bundled sources, and an existing checkout opened where it lies. */
package org.veridianos.ide.ui.wizards;
