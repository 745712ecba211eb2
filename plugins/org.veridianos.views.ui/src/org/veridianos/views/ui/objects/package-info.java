/** Every kernel object by the kernel's own description. */
package org.veridianos.views.ui.objects;
