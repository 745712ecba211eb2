/**
 * The kernel's sources as they come with the IDE: one archive of the tracked files, and laying it out into a new project.
 *
 * <p>Plain Java: no Eclipse import.
 */
package org.veridianos.kernel;
