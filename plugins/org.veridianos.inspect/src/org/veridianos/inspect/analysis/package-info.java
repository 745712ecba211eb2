/** Conclusions from snapshots: derivation, revocation, authority, deadlocks, mistakes in page tables, differences. Plain and pure. */
package org.veridianos.inspect.analysis;
