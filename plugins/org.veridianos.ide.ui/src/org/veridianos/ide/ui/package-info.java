/**
 * The shell of Veridian Studio: perspective, wizards, launch tabs, guest console, editors, preferences, guide, welcome.
 *
 * <p>Nothing here waits on the UI thread. What may take longer is a job with progress and cancel, and comes back with
 * {@code asyncExec}.
 */
package org.veridianos.ide.ui;
