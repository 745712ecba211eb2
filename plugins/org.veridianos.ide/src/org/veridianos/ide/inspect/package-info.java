/** From machines of the IDE to snapshots of their kernels: who is looked at, and the sources that views share. */
package org.veridianos.ide.inspect;
