package org.veridianos.inspect.analysis;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.DerivationGraph.Node;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.Region;
import org.veridianos.inspect.model.ThreadState;

/**
 * What revoking a capability would destroy: everything derived from it, in whichever space it is, names and messages that nobody has
 * taken included; the capability itself stays. No object dies by it: all that dies names the object that the capability keeps.
 *
 * @param revoked   the capability
 * @param destroyed every capability that would die, parents before children
 * @param spaces    how many die in each space
 * @param unblocked threads that wait through one of them: their wait would end with an error
 * @param unmapped  mappings made through one of them, if the snapshot has page tables
 * @param certain   whether nothing near it changed while the snapshot was taken
 */
public record RevocationPreview(Node revoked, List<Node> destroyed, Map<CapabilitySpace, Integer> spaces, List<ThreadState> unblocked, List<Mapping> unmapped,
        boolean certain) {

    /** A range of an address space. */
    public record Mapping(PageTable space, Region region) {
    }

    /** Copies the collections. */
    public RevocationPreview {
        destroyed = List.copyOf(destroyed);
        spaces = Map.copyOf(spaces);
        unblocked = List.copyOf(unblocked);
        unmapped = List.copyOf(unmapped);
    }

    /** The preview for a capability of the snapshot that {@code graph} was made from. */
    public static RevocationPreview of(Snapshot snapshot, DerivationGraph graph, Node revoked) {
        List<Node> destroyed = graph.descendants(revoked);
        Map<Long, Node> dying = new HashMap<>();
        Map<Long, Integer> counts = new HashMap<>();
        Map<Long, CapabilitySpace> bySpace = new HashMap<>();
        for (Node node : destroyed) {
            dying.put(node.capability().slot(), node);
            counts.merge(node.space().address(), 1, Integer::sum);
            bySpace.put(node.space().address(), node.space());
        }
        Map<CapabilitySpace, Integer> spaces = new HashMap<>();
        counts.forEach((address, count) -> spaces.put(bySpace.get(address), count));
        List<ThreadState> unblocked = new ArrayList<>();
        for (ThreadState thread : snapshot.threads()) {
            Node via = dying.get(thread.waiting().viaSlot());
            if (via != null && Integer.toUnsignedLong(via.capability().generation()) == thread.waiting().viaGeneration()) {
                unblocked.add(thread);
            }
        }
        List<Mapping> unmapped = new ArrayList<>();
        for (PageTable space : snapshot.pageTables()) {
            for (Region region : space.regions()) {
                if (dying.containsKey(region.slot())) {
                    unmapped.add(new Mapping(space, region));
                }
            }
        }
        boolean certain = graph.inconsistent().stream().noneMatch(n -> n.capability().object() == revoked.capability().object());
        return new RevocationPreview(revoked, destroyed, spaces, unblocked, unmapped, certain);
    }

    /** In words, for a status line. */
    public String text() {
        if (destroyed.isEmpty()) {
            return "nothing was derived from it: revoking destroys nothing";
        }
        String text = count(destroyed.size(), "capability", "capabilities") + " in " + count(spaces.size(), "space", "spaces") + " would be destroyed";
        if (!unblocked.isEmpty()) {
            text += ", " + count(unblocked.size(), "thread", "threads") + " would be unblocked with an error";
        }
        if (!unmapped.isEmpty()) {
            text += ", " + count(unmapped.size(), "mapping", "mappings") + " would go";
        }
        return certain ? text : text + " (the tree changed while it was read)";
    }

    private static String count(int number, String one, String many) {
        return number + " " + (number == 1 ? one : many);
    }
}
