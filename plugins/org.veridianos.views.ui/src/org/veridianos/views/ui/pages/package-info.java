/** Page tables as the hardware has them. */
package org.veridianos.views.ui.pages;
