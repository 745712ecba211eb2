/** The tabs of the launch configuration type <i>Veridian Kernel (QEMU)</i>. */
package org.veridianos.ide.ui.launch;
