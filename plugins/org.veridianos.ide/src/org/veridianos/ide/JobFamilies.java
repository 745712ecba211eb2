package org.veridianos.ide;

/** What a job does, for whoever waits for it: {@code Job.getJobManager().join(JobFamilies.BUILD, monitor)}. */
public enum JobFamilies {
    /** Building a kernel after the active architecture changed. */
    BUILD,
    /** Looking after machines that an earlier run of the IDE left. */
    MACHINES
}
