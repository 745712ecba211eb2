package org.veridianos.inspect;

/** What a snapshot can hold. Processes and threads are part of every one, because everything else names them. */
public enum Part {
    /** Processes and threads. */
    THREADS,
    /** CPUs and their run queues. */
    RUN_QUEUES,
    /** Capability spaces. */
    CAPABILITIES,
    /** Page tables. */
    PAGE_TABLES,
    /** Endpoints, channels and notifications. */
    ENDPOINTS,
    /** Zones, slab caches and reserved ranges. */
    MEMORY,
    /** Every frame. */
    FRAMES,
    /** The generic view of every root. */
    OBJECTS
}
