//! Nodes: which memory is near.
//!
//! Model: each NUMA node has one allocator with its three zones. A request names a node (by
//! default that of the CPU it comes from) and a zone; nodes are tried by rising distance. DMA
//! memory is touched only when every node's higher zones are exhausted, so that it stays for those
//! who need it, and a request for it never takes anything higher.
//! Lock order: one zone's lock at a time, of rank `Frames`.

use core::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::zones::{Zone, ZoneKind};
use crate::lock::{Rank, SpinLock};
use crate::machine::MAX_NODES;

crate::described! {
    /// One node's memory.
    pub struct Node {
        /// DMA, Normal, High.
        pub zones: [SpinLock<Zone>; 3],
        /// All nodes by rising distance from this one, itself first.
        order: [AtomicU8; MAX_NODES],
        /// Requests from CPUs of this node that it served itself.
        pub local: AtomicU64,
        /// Requests from CPUs of this node that another node served.
        pub remote: AtomicU64,
        /// Requests from CPUs of this node that no node could serve.
        pub failed: AtomicU64,
    }
}

/// All nodes; the first `nodes()` exist.
pub static NODES: [Node; MAX_NODES] = [const {
    Node {
        zones: [const { SpinLock::new(Rank::Frames, Zone::new(0)) }; 3],
        order: [const { AtomicU8::new(0) }; MAX_NODES],
        local: AtomicU64::new(0),
        remote: AtomicU64::new(0),
        failed: AtomicU64::new(0),
    }
}; MAX_NODES];
crate::root!("memory nodes", NODES: [Node; MAX_NODES]);
static COUNT: AtomicUsize = AtomicUsize::new(1);

/// How many nodes there are.
pub fn nodes() -> usize {
    COUNT.load(Relaxed)
}

/// Notes the number of nodes and the distances between them.
pub(super) fn init(count: usize, distances: &[[u8; MAX_NODES]; MAX_NODES]) {
    COUNT.store(count.clamp(1, MAX_NODES), Relaxed);
    for (from, node) in NODES.iter().enumerate() {
        let mut order: [u8; MAX_NODES] = core::array::from_fn(|i| i as u8);
        let rank = |to: &u8| (*to as usize != from, distances[from][*to as usize], *to);
        order[..nodes()].sort_unstable_by_key(rank);
        let slots = node.order.iter().zip(order);
        slots.for_each(|(slot, to)| slot.store(to, Relaxed));
        for (kind, zone) in node.zones.iter().enumerate() {
            let index = (from * 3 + kind) as u8;
            *zone.lock() = Zone::new(index);
        }
        #[cfg(test)]
        for counter in [&node.local, &node.remote, &node.failed] {
            counter.store(0, Relaxed);
        }
    }
}

/// The zone with this index.
pub(super) fn zone(index: u8) -> &'static SpinLock<Zone> {
    &NODES[index as usize / 3].zones[index as usize % 3]
}

/// Tries `take` on each zone that a request for `kind` on node `from` may use, in order.
pub(super) fn search<T>(
    from: usize,
    kind: ZoneKind,
    mut take: impl FnMut(&mut Zone) -> Option<T>,
) -> Option<T> {
    let home = &NODES[from.min(nodes() - 1)];
    let order = &home.order[..nodes()];
    let near = || order.iter().map(|n| n.load(Relaxed) as usize);
    let higher = near().flat_map(|n| (1..=kind as usize).rev().map(move |k| (n, k)));
    for (node, kind) in higher.chain(near().map(|n| (n, 0))) {
        if let Some(taken) = take(&mut NODES[node].zones[kind].lock()) {
            let here = core::ptr::eq(&NODES[node], home);
            let counter = if here { &home.local } else { &home.remote };
            counter.fetch_add(1, Relaxed);
            return Some(taken);
        }
    }
    home.failed.fetch_add(1, Relaxed);
    None
}
