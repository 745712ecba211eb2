package org.veridianos.ide.tests;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import org.eclipse.core.runtime.Platform;
import org.junit.jupiter.api.Test;

class BundleTest {

	@Test
	void resolves() {
		assertNotNull(Platform.getBundle("org.veridianos.ide"));
	}
}
