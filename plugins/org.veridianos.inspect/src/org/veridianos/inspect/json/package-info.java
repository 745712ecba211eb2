/** Snapshots as JSON, by the one schema that {@code docs/inspect.md} documents. */
package org.veridianos.inspect.json;
