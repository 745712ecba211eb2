package org.veridianos.inspect.analysis;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.inspect.read.LongIndex;

/**
 * Which capability was derived from which, across all spaces.
 *
 * <p>Edges are the slots' parent links. The children's own links must agree; where they do not, the kernel was changing the tree
 * while it was read (or is broken), and the capability is among {@link #inconsistent}. A circle of parents is cut.
 */
public final class DerivationGraph {

    /** A capability and the space that it is in. */
    public record Node(Capability capability, CapabilitySpace space) {
    }

    private final List<Node> nodes = new ArrayList<>();
    private final LongIndex bySlot;
    private final int[] parent;
    private final int[] firstChild;
    private final int[] nextSibling;
    private final List<Node> inconsistent = new ArrayList<>();

    /** The graph of these spaces. */
    public DerivationGraph(List<CapabilitySpace> spaces) {
        int count = 0;
        for (CapabilitySpace space : spaces) {
            count += space.capabilities().size();
        }
        bySlot = new LongIndex(count);
        for (CapabilitySpace space : spaces) {
            for (Capability capability : space.capabilities()) {
                bySlot.put(capability.slot(), nodes.size());
                nodes.add(new Node(capability, space));
            }
        }
        parent = new int[count];
        firstChild = new int[count];
        nextSibling = new int[count];
        Arrays.fill(parent, -1);
        Arrays.fill(firstChild, -1);
        Arrays.fill(nextSibling, -1);
        link();
        cutCircles();
        for (int i = count - 1; i >= 0; i--) {
            if (parent[i] >= 0) {
                nextSibling[i] = firstChild[parent[i]];
                firstChild[parent[i]] = i;
            }
        }
    }

    private void link() {
        for (int i = 0; i < nodes.size(); i++) {
            Capability c = nodes.get(i).capability;
            int up = bySlot.get(c.parent());
            boolean sound = c.isConsistent() && (c.parent() == 0 || up >= 0) && agrees(c.firstChild(), c.slot(), true) && agrees(c.next(), c.parent(), false);
            if (up >= 0) {
                sound &= nodes.get(up).capability.object() == c.object() && nodes.get(up).capability.firstChild() != 0;
                parent[i] = up;
            }
            if (!sound) {
                inconsistent.add(nodes.get(i));
            }
        }
    }

    /** Whether the capability that a link leads to names the same parent; one that is dying is not among the nodes and may stay. */
    private boolean agrees(long link, long expectedParent, boolean child) {
        int at = bySlot.get(link);
        return link == 0 || at < 0 || nodes.get(at).capability.parent() == expectedParent || !child && expectedParent == 0;
    }

    /** A node that is its own ancestor has no parent any more. */
    private void cutCircles() {
        byte[] seen = new byte[nodes.size()];
        for (int i = 0; i < seen.length; i++) {
            int at = i;
            while (at >= 0 && seen[at] == 0) {
                seen[at] = 1;
                at = parent[at];
            }
            if (at >= 0 && seen[at] == 1) {
                inconsistent.add(nodes.get(at));
                parent[at] = -1;
            }
            for (at = i; at >= 0 && seen[at] == 1; at = parent[at]) {
                seen[at] = 2;
            }
        }
    }

    /** Every capability, space by space. */
    public List<Node> nodes() {
        return Collections.unmodifiableList(nodes);
    }

    /** Capabilities whose links contradict each other. */
    public List<Node> inconsistent() {
        return Collections.unmodifiableList(inconsistent);
    }

    /** The live capability in a slot. */
    public Optional<Node> node(long slot) {
        int at = bySlot.get(slot);
        return at < 0 ? Optional.empty() : Optional.of(nodes.get(at));
    }

    /** What a capability was derived from. */
    public Optional<Node> parent(Node node) {
        int at = index(node);
        return at < 0 || parent[at] < 0 ? Optional.empty() : Optional.of(nodes.get(parent[at]));
    }

    /** What was derived from a capability directly. */
    public List<Node> children(Node node) {
        List<Node> children = new ArrayList<>();
        int at = index(node);
        for (int child = at < 0 ? -1 : firstChild[at]; child >= 0; child = nextSibling[child]) {
            children.add(nodes.get(child));
        }
        return children;
    }

    /** From a capability without a parent down to {@code node}, both included. */
    public List<Node> chain(Node node) {
        List<Node> chain = new ArrayList<>();
        for (int at = index(node); at >= 0; at = parent[at]) {
            chain.add(0, nodes.get(at));
        }
        return chain;
    }

    /** Everything derived from a capability, directly or not; parents before children, without {@code node} itself. */
    public List<Node> descendants(Node node) {
        List<Node> all = new ArrayList<>();
        int top = index(node);
        if (top < 0) {
            return all;
        }
        int[] open = new int[64];
        int count = 0;
        for (int child = firstChild[top]; child >= 0; child = nextSibling[child]) {
            if (count == open.length) {
                open = Arrays.copyOf(open, count * 2);
            }
            open[count++] = child;
        }
        while (count > 0) {
            int at = open[--count];
            all.add(nodes.get(at));
            for (int child = firstChild[at]; child >= 0; child = nextSibling[child]) {
                if (count == open.length) {
                    open = Arrays.copyOf(open, count * 2);
                }
                open[count++] = child;
            }
        }
        return all;
    }

    /** Capabilities to an object that were derived from none, of all spaces. */
    public List<Node> roots(long object) {
        List<Node> roots = new ArrayList<>();
        for (int i = 0; i < parent.length; i++) {
            if (parent[i] < 0 && nodes.get(i).capability.object() == object) {
                roots.add(nodes.get(i));
            }
        }
        return roots;
    }

    /** Every capability to an object. */
    public List<Node> of(long object) {
        return nodes.stream().filter(n -> n.capability.object() == object).toList();
    }

    private int index(Node node) {
        return bySlot.get(node.capability.slot());
    }
}
