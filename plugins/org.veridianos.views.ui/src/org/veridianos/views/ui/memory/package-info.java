/** Physical memory: zones, free chunks, caches of objects, reserved ranges. */
package org.veridianos.views.ui.memory;
