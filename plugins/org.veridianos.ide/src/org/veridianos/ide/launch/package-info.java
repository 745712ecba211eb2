/** Launching kernels in QEMU: configuration attributes, delegate, processes, shared launch files. */
package org.veridianos.ide.launch;
