/**
 * A kernel that was never built, in memory that no machine has: as large, as strange or as broken as a benchmark or a test wants it.
 * Its description is written and read like that of a real one.
 */
package org.veridianos.inspect.sample;
