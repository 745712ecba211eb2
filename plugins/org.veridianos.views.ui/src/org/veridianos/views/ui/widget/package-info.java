/** Tables and canvases for things that change while one looks at them. */
package org.veridianos.views.ui.widget;
