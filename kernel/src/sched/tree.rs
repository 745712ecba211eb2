//! An intrusive ordered tree: the fair run queue, the sleep queues, the regions of a space.
//!
//! A treap over nodes embedded in what is ordered: ordered by `key`, equal keys by their insertion,
//! heap-ordered by a priority that follows from that, so that every run builds the same tree.
//! The nodes are also linked in order: first and next are O(1), insertion, removal and search O(log n)
//! expected; nothing allocates.
//!
//! Invariant: a node is in at most one tree; its `order` is 0 if it is in none.
//! The owner of a tree (a run queue's or timer queue's lock) guards every node in it.

use core::marker::PhantomPinned;
use core::ptr::null_mut;

crate::described! {
    /// Embedded in what is ordered.
    #[repr(C)]
    #[derive(Default)]
    pub struct Node {
        /// Order within the tree; not changed while linked.
        pub key: u64,
        left: *mut Node,
        right: *mut Node,
        next: *mut Node,
        previous: *mut Node,
        /// Number of its insertion, or 0.
        order: u64;
        pinned: PhantomPinned
    }
}

impl Node {
    /// Whether the node is in a tree.
    pub fn is_linked(&self) -> bool {
        self.order != 0
    }
    fn place(&self) -> (u64, u64) {
        (self.key, self.order)
    }
    fn priority(&self) -> u64 {
        let mixed = self.order.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

crate::described! {
    /// The tree's anchor.
    #[repr(C)]
    pub struct Tree {
        root: *mut Node,
        first: *mut Node,
        length: usize,
        /// Insertions so far.
        sequence: u64;
        pinned: PhantomPinned
    }
    root: tree(&[Name::role(3, "left"), Name::role(4, "right")])
}

// SAFETY: a tree is reached only by its owner.
unsafe impl Send for Tree {}

impl Tree {
    /// An empty tree.
    pub const fn new() -> Self {
        Self {
            root: null_mut(),
            first: null_mut(),
            length: 0,
            sequence: 0,
            pinned: PhantomPinned,
        }
    }
    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.length
    }
    /// Whether the tree has no node.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
    /// The node with the smallest key, or null.
    pub fn first(&self) -> *mut Node {
        self.first
    }

    /// The last node whose key is at most `key`, or null.
    #[inline]
    pub fn last_at_or_below(&self, key: u64) -> *mut Node {
        let (mut cursor, mut found) = (self.root, null_mut());
        // SAFETY: linked nodes are valid by the promise of `insert`.
        while let Some(node) = unsafe { cursor.as_ref() } {
            if node.key <= key {
                (found, cursor) = (cursor, node.right);
            } else {
                cursor = node.left;
            }
        }
        found
    }

    /// Inserts `node` under `key`, behind nodes of the same key.
    ///
    /// # Safety
    /// `node` is valid, linked nowhere, and stays valid and in place until removed.
    pub unsafe fn insert(&mut self, node: *mut Node, key: u64) {
        self.sequence += 1;
        self.length += 1;
        let order = self.sequence;
        let (mut previous, mut next) = (null_mut(), null_mut());
        // SAFETY: the caller promises `node`; all linked nodes are valid by the same promise.
        unsafe {
            debug_assert!(!(*node).is_linked());
            (*node).order = order;
            let priority = (*node).priority();
            let mut link = &raw mut self.root;
            while let Some(above) = (*link).as_mut().filter(|a| a.priority() >= priority) {
                if above.key <= key {
                    (previous, link) = (*link, &raw mut above.right);
                } else {
                    (next, link) = (*link, &raw mut above.left);
                }
            }
            // What hangs there is split into what comes before the node and what comes after.
            let mut rest = core::mem::replace(&mut *link, node);
            let (mut left, mut right) = (&raw mut (*node).left, &raw mut (*node).right);
            while let Some(below) = rest.as_mut() {
                if below.key <= key {
                    (*left, previous) = (rest, rest);
                    (left, rest) = (&raw mut below.right, below.right);
                } else {
                    (*right, next) = (rest, rest);
                    (right, rest) = (&raw mut below.left, below.left);
                }
            }
            (*left, *right) = (null_mut(), null_mut());
            (*node).key = key;
            self.join(previous, node);
            self.join(node, next);
        }
    }

    /// Removes `node`.
    ///
    /// # Safety
    /// `node` is linked in this tree.
    pub unsafe fn remove(&mut self, node: *mut Node) {
        self.length -= 1;
        // SAFETY: `node` is in this tree, so it and its relatives are valid.
        unsafe {
            debug_assert!((*node).is_linked());
            let mut link = &raw mut self.root;
            while *link != node {
                let above = &mut **link;
                link = match above.place() < (*node).place() {
                    true => &raw mut above.right,
                    false => &raw mut above.left,
                };
            }
            let (mut left, mut right) = ((*node).left, (*node).right);
            while let (Some(l), Some(r)) = (left.as_mut(), right.as_mut()) {
                if l.priority() > r.priority() {
                    *link = left;
                    (link, left) = (&raw mut l.right, l.right);
                } else {
                    *link = right;
                    (link, right) = (&raw mut r.left, r.left);
                }
            }
            *link = if left.is_null() { right } else { left };
            self.join((*node).previous, (*node).next);
            (*node).order = 0;
        }
    }

    /// Makes two nodes neighbours; null stands for what is before the first and behind the last.
    ///
    /// # Safety
    /// Both are null or nodes of this tree.
    unsafe fn join(&mut self, previous: *mut Node, next: *mut Node) {
        // SAFETY: as the caller promises.
        unsafe {
            match previous.as_mut() {
                Some(previous) => previous.next = next,
                None => self.first = next,
            }
            if let Some(next) = next.as_mut() {
                next.previous = previous;
            }
        }
    }

    /// Removes and returns the node with the smallest key, or null.
    pub fn pop_first(&mut self) -> *mut Node {
        let node = self.first;
        if !node.is_null() {
            // SAFETY: `first` is linked in this tree.
            unsafe { self.remove(node) };
        }
        node
    }

    /// The node after `node` in order, or null.
    ///
    /// # Safety
    /// `node` is linked in a tree that nobody changes meanwhile.
    #[inline]
    pub unsafe fn next(node: *mut Node) -> *mut Node {
        // SAFETY: a linked node is valid.
        unsafe { (*node).next }
    }

    /// The nodes in order. The tree does not change meanwhile.
    pub fn iter(&self) -> impl Iterator<Item = *mut Node> {
        let some = |node: *mut Node| (!node.is_null()).then_some(node);
        // SAFETY: what the iterator yields is linked in this tree.
        let next = move |&node: &_| some(unsafe { Tree::next(node) });
        core::iter::successors(some(self.first), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{boxed::Box, collections::BTreeMap, vec::Vec};

    /// Against a BTreeMap under the same random insertions, removals and pops.
    #[test]
    fn behaves_like_an_ordered_map() {
        let mut seed = 0x1234_5678_9abc_def1_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let mut tree = Tree::new();
        let mut model: BTreeMap<(u64, u64), *mut Node> = BTreeMap::new();
        let mut nodes: Vec<*mut Node> = (0..500)
            .map(|_| Box::into_raw(Box::new(Node::default())))
            .collect();
        let mut keys: Vec<(u64, u64)> = std::vec![(0, 0); 500];
        for step in 0..200_000u64 {
            let index = (random() % 500) as usize;
            let node = nodes[index];
            // SAFETY: nodes are boxed and live to the end of the test.
            unsafe {
                if (*node).is_linked() {
                    tree.remove(node);
                    assert_eq!(model.remove(&keys[index]), Some(node));
                } else {
                    let key = random() % 64;
                    tree.insert(node, key);
                    keys[index] = (key, step);
                    model.insert((key, step), node);
                }
            }
            assert_eq!(tree.len(), model.len());
            assert_eq!(
                tree.first(),
                model.first_key_value().map_or(null_mut(), |e| *e.1)
            );
            if step % 1000 == 0 {
                let mut cursor = tree.first();
                for expected in model.values() {
                    assert_eq!(cursor, *expected);
                    // SAFETY: `cursor` is linked: it equals a node of the model.
                    cursor = unsafe { Tree::next(cursor) };
                }
                assert!(cursor.is_null());
            }
        }
        while !tree.pop_first().is_null() {}
        assert!(tree.is_empty());
        // SAFETY: made by Box::into_raw above, freed once.
        nodes
            .drain(..)
            .for_each(|n| drop(unsafe { Box::from_raw(n) }));
    }
}
