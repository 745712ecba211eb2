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
    /// The child on one side.
    fn child(&mut self, right: bool) -> &mut *mut Node {
        match right {
            true => &mut self.right,
            false => &mut self.left,
        }
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

// SAFETY: a tree is reached only by its owner.
unsafe impl Send for Tree {}

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
            let (mut parent, mut link, mut leftmost) = (null_mut(), &raw mut self.root, true);
            while let Some(above) = (*link).as_mut() {
                let right = key >= above.key;
                leftmost &= !right;
                (parent, link) = (*link, above.child(right));
            }
            *link = node;
            *node = Node {
                key,
                parent,
                priority: self.sequence,
                linked: true,
                ..Node::new()
            };
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
            while !(*node).left.is_null() && !(*node).right.is_null() {
                let (left, right) = ((*node).left, (*node).right);
                self.rotate_up(match (*left).priority > (*right).priority {
                    true => left,
                    false => right,
                });
            }
            let only = match (*node).left.is_null() {
                true => (*node).right,
                false => (*node).left,
            };
            self.replace(node, only);
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
            let (mut cursor, mut child) = ((*node).right, node);
            if cursor.is_null() {
                cursor = (*node).parent;
                while !cursor.is_null() && (*cursor).right == child {
                    (child, cursor) = (cursor, (*cursor).parent);
                }
                return cursor;
            }
            while !(*cursor).left.is_null() {
                cursor = (*cursor).left;
            }
            cursor
        }
    }

    /// The nodes in order. The tree does not change meanwhile.
    pub fn iter(&self) -> impl Iterator<Item = *mut Node> {
        let some = |node: *mut Node| (!node.is_null()).then_some(node);
        // SAFETY: what the iterator yields is linked in this tree.
        let next = move |&node: &_| some(unsafe { Tree::next(node) });
        core::iter::successors(some(self.first), next)
    }

    /// Puts `child` (or null) where `node` hangs.
    ///
    /// # Safety
    /// `node` is in this tree; `child` is its child or null.
    unsafe fn replace(&mut self, node: *mut Node, child: *mut Node) {
        // SAFETY: relatives of a linked node are valid.
        unsafe {
            let parent = (*node).parent;
            match parent.as_mut() {
                None => self.root = child,
                Some(above) => *above.child(above.right == node) = child,
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
            let right = (*parent).right == node;
            self.replace(parent, node);
            let inner = core::mem::replace((*node).child(!right), parent);
            *(*parent).child(right) = inner;
            if let Some(inner) = inner.as_mut() {
                inner.parent = parent;
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
