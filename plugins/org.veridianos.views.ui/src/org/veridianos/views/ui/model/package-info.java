/** What the views show, made from a snapshot on a background thread: plain Java without widgets, immutable once made. */
package org.veridianos.views.ui.model;
