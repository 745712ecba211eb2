package org.veridianos.inspect.model;

import java.util.List;

/**
 * An object that threads meet at: endpoint, channel or notification.
 *
 * @param object      the object
 * @param senders     addresses of threads whose message nobody has taken, first come first
 * @param receivers   addresses of threads that wait for a message or signal
 * @param inFlight    addresses of callers whose message was taken and who wait for the reply
 * @param buffered    messages that wait without their sender
 * @param capacity    room for such messages
 * @param bits        signalled bits of a notification
 * @param counters    what the kernel counts, by name
 * @param consistency whether it stood still while it was read
 */
public record Endpoint(KernelObject object, List<Long> senders, List<Long> receivers, List<Long> inFlight, long buffered, long capacity, long bits,
        List<Counter> counters, Consistency consistency) {

    /** A number that the kernel counts. */
    public record Counter(String name, long value) {
    }

    /** Copies the lists. */
    public Endpoint {
        senders = List.copyOf(senders);
        receivers = List.copyOf(receivers);
        inFlight = List.copyOf(inFlight);
        counters = List.copyOf(counters);
    }
}
