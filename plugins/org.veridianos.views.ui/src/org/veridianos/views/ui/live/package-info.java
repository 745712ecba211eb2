/**
 * What all live views have in common: whose kernel they show, how often, pause, filter, copy and export, selection, and the
 * loop that reads in the background and hands finished models to the UI thread.
 */
package org.veridianos.views.ui.live;
