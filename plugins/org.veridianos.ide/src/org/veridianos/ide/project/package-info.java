/** Kernel projects: nature, creation, opening in place, active architecture, trust. */
package org.veridianos.ide.project;
