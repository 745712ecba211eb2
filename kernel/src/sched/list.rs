//! An intrusive list: of ready tasks, of waiting threads, of the threads and children of a process.
//!
//! Links are circular through the list's anchor, so that an element can be taken out without knowing
//! which list it is in. An anchor must not move once its list was used: it lives in a kernel object.
//! `PhantomPinned` tells the compiler that neighbours are reached from elsewhere also while a `&mut` to
//! one of them exists, as when it waits for the list's lock: nothing read before is good after.
//!
//! Invariant: an element is in at most one list through one link. The owner of a list (the lock it
//! stands behind) guards the links of everything in it.

use core::marker::PhantomPinned;
use core::ptr::null_mut;

/// The structure that has `$pointer` as its field `$field`; null is not looked for.
macro_rules! container {
    ($pointer:expr, $type:ty, $($field:tt)+) => {
        ($pointer).wrapping_byte_sub(core::mem::offset_of!($type, $($field)+)).cast::<$type>()
    };
}
pub(crate) use container;

crate::described! {
    /// Embedded in what is listed; also the anchor of a list.
    #[repr(C)]
    #[derive(Default)]
    pub struct Link {
        /// Next element, or the anchor.
        pub next: *mut Link,
        /// Previous element, or the anchor.
        pub previous: *mut Link;
        pinned: PhantomPinned
    }
}

crate::described! {
    /// A list; whoever has one says what is in it. Its ends are laid out as a link, the anchor.
    #[repr(C)]
    #[derive(Default)]
    pub struct List {
        first: *mut Link,
        last: *mut Link;
        pinned: PhantomPinned
    }
    first: list(&[Name::role(1, "next")])
}

// SAFETY: a list is reached only by its owner.
unsafe impl Send for List {}
// SAFETY: as above.
unsafe impl Sync for List {}

impl Link {
    /// Takes an element out of the list it is in.
    ///
    /// # Safety
    /// `link` is in a list that the caller owns.
    #[inline]
    pub unsafe fn unlink(link: *mut Link) {
        // SAFETY: the neighbours are elements of the same list or its anchor.
        unsafe {
            let Link { next, previous, .. } = *link;
            (*previous).next = next;
            (*next).previous = previous;
        }
    }

    /// Puts `link` behind `before`.
    ///
    /// # Safety
    /// `before` is in a list that the caller owns, or its anchor; `link` is valid, in no list, and
    /// stays valid and in place until it is taken out.
    #[inline]
    pub unsafe fn insert_after(before: *mut Link, link: *mut Link) {
        // SAFETY: as the caller promises.
        unsafe {
            let next = (*before).next;
            let previous = before;
            ((*link).next, (*link).previous) = (next, previous);
            (*before).next = link;
            (*next).previous = link;
        }
    }
}

impl List {
    /// An empty list; null links stand for an anchor that points to itself.
    pub const fn new() -> Self {
        Self {
            first: null_mut(),
            last: null_mut(),
            pinned: PhantomPinned,
        }
    }

    /// Whether nothing is in it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.is_null() || core::ptr::eq(self.first, self.anchor())
    }

    fn anchor(&self) -> *const Link {
        (&raw const *self).cast()
    }

    /// The anchor, with links that can be followed.
    #[inline]
    pub fn settle(&mut self) -> *mut Link {
        let anchor = (&raw mut *self).cast();
        if self.first.is_null() {
            (self.first, self.last) = (anchor, anchor);
        }
        anchor
    }

    /// As `settle`, of a list that was settled.
    #[inline(always)]
    pub fn settled(&mut self) -> *mut Link {
        (&raw mut *self).cast()
    }

    /// As `first`, of a list that was settled.
    #[inline(always)]
    pub fn settled_first(&self) -> Option<*mut Link> {
        (!core::ptr::eq(self.first, self.anchor())).then_some(self.first)
    }

    /// The first element, or null.
    #[inline]
    pub fn first(&self) -> *mut Link {
        if self.is_empty() {
            return null_mut();
        }
        self.first
    }

    /// The elements from first to last. The list does not change meanwhile.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = *mut Link> {
        let (anchor, mut next) = (self.anchor(), self.first);
        core::iter::from_fn(move || {
            let link = next;
            if link.is_null() || core::ptr::eq(link, anchor) {
                return None;
            }
            // SAFETY: the elements of a list are valid as long as they are in it.
            next = unsafe { (*link).next };
            Some(link)
        })
    }

    /// Puts `link` first.
    ///
    /// # Safety
    /// As for `Link::insert_after`.
    #[inline]
    pub unsafe fn push_front(&mut self, link: *mut Link) {
        // SAFETY: as the caller promises.
        unsafe { Link::insert_after(self.settle(), link) };
    }

    /// Puts `link` last.
    ///
    /// # Safety
    /// As for `Link::insert_after`.
    #[inline]
    pub unsafe fn push_back(&mut self, link: *mut Link) {
        // SAFETY: as the caller promises; the anchor's previous is the last element.
        unsafe { Link::insert_after((*self.settle()).previous, link) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::VecDeque, vec::Vec};

    /// Against a VecDeque under the same random insertions and removals.
    #[test]
    fn behaves_like_a_deque() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as usize
        };
        let mut links: Vec<Link> = (0..40).map(|_| Link::default()).collect();
        let base = links.as_mut_ptr();
        let (mut list, mut model) = (List::new(), VecDeque::new());
        for _ in 0..20_000 {
            let index = random() % 40;
            // SAFETY: the links outlive the list, and each is in it as the model says.
            unsafe {
                let link = base.add(index);
                match model.iter().position(|&there| there == index) {
                    Some(at) => {
                        model.remove(at);
                        Link::unlink(link);
                    }
                    None if random() % 2 == 0 => {
                        model.push_front(index);
                        list.push_front(link);
                    }
                    None => {
                        model.push_back(index);
                        list.push_back(link);
                    }
                }
                assert_eq!(list.is_empty(), model.is_empty());
                assert!(list.iter().eq(model.iter().map(|&index| base.add(index))));
            }
        }
    }
}
