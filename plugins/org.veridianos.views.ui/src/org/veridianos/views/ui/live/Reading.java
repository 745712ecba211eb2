package org.veridianos.views.ui.live;

import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.machine.GuestMemory;

/**
 * What a view wants to see next, as it was set up at that moment: taken on the UI thread, carried out in the background.
 *
 * @param request what to read
 * @param maker   makes what is shown of it
 */
public record Reading<M>(Request request, Maker<M> maker) {

    /** Makes a model. */
    @FunctionalInterface
    public interface Maker<M> {
        /**
         * @param memory   physical memory, for looking at bytes that no part of a snapshot holds
         * @param previous the model before, of the same machine; null for the first
         */
        M make(Snapshot snapshot, GuestMemory memory, M previous);
    }
}
