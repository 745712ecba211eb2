package org.veridianos.inspect;

import java.util.concurrent.CancellationException;

/** Says whether the work that it was given to is still wanted; asked often, so it must be quick. */
@FunctionalInterface
public interface Cancel {

    /** Never cancels. */
    Cancel NEVER = () -> false;

    /** Whether to stop. */
    boolean isCancelled();

    /** @throws CancellationException when to stop */
    default void check() {
        if (isCancelled()) {
            throw new CancellationException();
        }
    }
}
