//! An intrusive ordered tree: the fair run queue and the sleep queues.
//!
//! A treap over nodes embedded in threads: ordered by `key`, heap-ordered by a
//! priority from a fixed sequence, so that every run builds the same tree.
//! Equal keys keep the order of insertion. The first node is cached: picking
//! is O(1), insertion and removal O(log n) expected, nothing allocates.
//!
//! Invariant: a node is in at most one tree, and `linked` says whether it is.
//! The owner of a tree (a run queue's or timer queue's lock) guards every node in it.

use core::ptr::null_mut;

crate::described! {
    /// Embedded in what is ordered.
    #[repr(C)]
    pub struct Node {
        /// Order within the tree; not changed while linked.
        pub key: u64,
        left: *mut Node,
        right: *mut Node,
        parent: *mut Node,
        priority: u32,
        linked: bool,
    }
}

impl Node {
    /// A node outside any tree.
    pub const fn new() -> Self {
        Self {
            key: 0,
            left: null_mut(),
            right: null_mut(),
            parent: null_mut(),
            priority: 0,
            linked: false,
        }
    }
    /// Whether the node is in a tree.
    pub fn is_linked(&self) -> bool {
        self.linked
    }
}

crate::described! {
    /// The tree's anchor.
    #[repr(C)]
    pub struct Tree {
        root: *mut Node,
        first: *mut Node,
        length: usize,
        sequence: u32,
    }
    root: tree(&[Name::role(3, "left"), Name::role(4, "right")])
}

impl Tree {
    /// An empty tree.
    pub const fn new() -> Self {
        Self {
            root: null_mut(),
            first: null_mut(),
            length: 0,
            sequence: 0x9e37_79b9,
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
        while !cursor.is_null() {
            // SAFETY: linked nodes are valid by the promise of `insert`.
            unsafe {
                if (*cursor).key <= key {
                    found = cursor;
                    cursor = (*cursor).right;
                } else {
                    cursor = (*cursor).left;
                }
            }
        }
        found
    }

    /// Inserts `node` under `key`, behind nodes of the same key.
    ///
    /// # Safety
    /// `node` is valid, linked nowhere, and stays valid and in place until removed.
    pub unsafe fn insert(&mut self, node: *mut Node, key: u64) {
        self.sequence ^= self.sequence << 13;
        self.sequence ^= self.sequence >> 17;
        self.sequence ^= self.sequence << 5;
        // SAFETY: the caller promises `node`; all linked nodes are valid by the same promise.
        unsafe {
            debug_assert!(!(*node).linked);
            let (mut parent, mut cursor, mut leftmost) = (null_mut::<Node>(), self.root, true);
            while !cursor.is_null() {
                parent = cursor;
                if key < (*cursor).key {
                    cursor = (*cursor).left;
                } else {
                    cursor = (*cursor).right;
                    leftmost = false;
                }
            }
            *node = Node {
                key,
                left: null_mut(),
                right: null_mut(),
                parent,
                priority: self.sequence,
                linked: true,
            };
            if parent.is_null() {
                self.root = node;
            } else if key < (*parent).key {
                (*parent).left = node;
            } else {
                (*parent).right = node;
            }
            if leftmost {
                self.first = node;
            }
            self.length += 1;
            while !(*node).parent.is_null() && (*(*node).parent).priority < (*node).priority {
                self.rotate_up(node);
            }
        }
    }

    /// Removes `node`.
    ///
    /// # Safety
    /// `node` is linked in this tree.
    pub unsafe fn remove(&mut self, node: *mut Node) {
        // SAFETY: `node` is in this tree, so it and its relatives are valid.
        unsafe {
            debug_assert!((*node).linked);
            if self.first == node {
                self.first = Self::next(node);
            }
            loop {
                let (left, right) = ((*node).left, (*node).right);
                if left.is_null() || right.is_null() {
                    let child = if left.is_null() { right } else { left };
                    self.replace(node, child);
                    break;
                }
                let up = if (*left).priority > (*right).priority {
                    left
                } else {
                    right
                };
                self.rotate_up(up);
            }
            (*node).linked = false;
            self.length -= 1;
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
    pub unsafe fn next(node: *mut Node) -> *mut Node {
        // SAFETY: relatives of a linked node are valid.
        unsafe {
            let mut cursor = (*node).right;
            if !cursor.is_null() {
                while !(*cursor).left.is_null() {
                    cursor = (*cursor).left;
                }
                return cursor;
            }
            let mut child = node;
            let mut parent = (*node).parent;
            while !parent.is_null() && (*parent).right == child {
                child = parent;
                parent = (*parent).parent;
            }
            parent
        }
    }

    /// Puts `child` (or null) where `node` hangs.
    ///
    /// # Safety
    /// `node` is in this tree; `child` is its child or null.
    unsafe fn replace(&mut self, node: *mut Node, child: *mut Node) {
        // SAFETY: relatives of a linked node are valid.
        unsafe {
            let parent = (*node).parent;
            if parent.is_null() {
                self.root = child;
            } else if (*parent).left == node {
                (*parent).left = child;
            } else {
                (*parent).right = child;
            }
            if !child.is_null() {
                (*child).parent = parent;
            }
        }
    }

    /// Rotates `node` above its parent.
    ///
    /// # Safety
    /// `node` is in this tree and has a parent.
    unsafe fn rotate_up(&mut self, node: *mut Node) {
        // SAFETY: relatives of a linked node are valid.
        unsafe {
            let parent = (*node).parent;
            self.replace(parent, node);
            let inner;
            if (*parent).left == node {
                inner = (*node).right;
                (*parent).left = inner;
                (*node).right = parent;
            } else {
                inner = (*node).left;
                (*parent).right = inner;
                (*node).left = parent;
            }
            if !inner.is_null() {
                (*inner).parent = parent;
            }
            (*parent).parent = node;
        }
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
            .map(|_| Box::into_raw(Box::new(Node::new())))
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
