/** Graphs of capabilities and of waiting threads. */
package org.veridianos.views.ui.graph;
