/** Processes and their threads. */
package org.veridianos.views.ui.threads;
