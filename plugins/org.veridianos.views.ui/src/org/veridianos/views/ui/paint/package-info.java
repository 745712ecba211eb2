/** How things look: hues and their meaning, and pens that draw the same on the screen, into a picture and into an SVG file. */
package org.veridianos.views.ui.paint;
