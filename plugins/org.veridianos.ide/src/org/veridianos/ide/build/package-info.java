/** Building kernels in the workspace: builder, markers, derived output folders. */
package org.veridianos.ide.build;
