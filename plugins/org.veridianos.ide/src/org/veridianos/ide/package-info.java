/** The IDE's workspace without widgets: project nature, builder, launches, markers, trust and preferences. */
package org.veridianos.ide;
