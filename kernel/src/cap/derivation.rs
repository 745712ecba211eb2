//! The derivation tree: which capability was made from which.
//!
//! All capabilities of a tree name the same object, so the object's derivation lock guards the
//! whole tree. A new capability becomes the first child of its source. Removing a capability
//! that has children first moves them to its parent, one at a time, so that every step is
//! bounded and an ancestor's revocation still finds them.
//!
//! While anything of the tree is being revoked, a derivation looks for a revoking ancestor and
//! fails if there is one, or if that is not settled within `ANCESTORS_MAX` steps.

use core::ptr::{NonNull, null_mut};

use veridian_abi::Error;

use super::object::{Object, Tree};
use super::rights::{Policy, Rights};
use super::slot::{Slot, Tag};
use super::space::{Checked, Locked, Reserved, Space};
use super::sync::{Ordering, fence};
use super::token::Token;

/// How many ancestors a derivation looks at while a revocation runs in its tree.
const ANCESTORS_MAX: usize = 1024;

impl Tree {
    /// Marks the links as changing, for readers that do not take the lock.
    #[inline]
    pub(super) fn begin(&self) {
        self.advance(1);
        fence(Ordering::Release);
    }

    /// Marks the links as stable.
    #[inline]
    pub(super) fn end(&self) {
        self.advance(1);
    }

    #[inline]
    fn advance(&self, by: u32) {
        let now = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(now.wrapping_add(by), Ordering::Release);
    }

    #[inline]
    fn set_first(&mut self, parent: *mut Slot, slot: *mut Slot) {
        match at(parent) {
            Some(parent) => parent.first_child.set(slot),
            None => self.roots = slot,
        }
    }

    /// Makes `slot` the first child of `parent`, or a root.
    #[inline]
    pub(super) fn link(&mut self, slot: &Slot, parent: *mut Slot) {
        let first = at(parent).map_or(self.roots, |parent| parent.first_child.get());
        self.place(slot, parent, null_mut(), first);
    }

    /// Makes `slot` a child of `parent`, or a root, between two of its siblings.
    #[inline]
    fn place(&mut self, slot: &Slot, parent: *mut Slot, previous: *mut Slot, next: *mut Slot) {
        slot.parent.set(parent);
        slot.previous.set(previous);
        slot.next.set(next);
        if let Some(next) = at(next) {
            next.previous.set(address(slot));
        }
        match at(previous) {
            Some(previous) => previous.next.set(address(slot)),
            None => self.set_first(parent, address(slot)),
        }
    }

    /// Takes `slot` out of the tree, with what is below it.
    #[inline]
    pub(super) fn unlink(&mut self, slot: &Slot) {
        let (previous, next) = (slot.previous.get(), slot.next.get());
        match at(previous) {
            Some(previous) => previous.next.set(next),
            None => self.set_first(slot.parent.get(), next),
        }
        if let Some(next) = at(next) {
            next.previous.set(previous);
        }
    }

    /// Moves the first child of `slot`, if it has one, to its parent, just before `slot`.
    #[inline]
    pub(super) fn lift_child(&mut self, slot: &Slot) -> bool {
        let child = at(slot.first_child.get());
        if let Some(child) = child {
            self.unlink(child);
            let (parent, previous) = (slot.parent.get(), slot.previous.get());
            self.place(child, parent, previous, address(slot));
        }
        child.is_some()
    }

    /// Whether nothing may be derived from `slot`, because it or an ancestor is being revoked.
    pub(super) fn is_frozen(&self, slot: &Slot) -> bool {
        if self.revoking == 0 {
            return false;
        }
        let mut next = address(slot);
        for _ in 0..ANCESTORS_MAX {
            let Some(slot) = at(next) else { return false };
            if slot.tag().has(Tag::REVOKING) {
                return true;
            }
            next = slot.parent.get();
        }
        true
    }

    /// Makes the reserved slot a capability. Called with the tree's lock; cannot fail.
    #[inline]
    pub(super) fn insert(
        &mut self,
        object: &Object,
        new: &Reserved,
        parent: *mut Slot,
        tag: Tag,
        badge: u64,
    ) {
        // The one store that makes the new slot visible leaves the tree whole, so readers need
        // only learn that something changed.
        self.link(new.slot, parent);
        self.advance(2);
        self.enliven(object, new, tag, badge);
    }

    /// Makes a slot that is in the tree already a capability.
    #[inline]
    pub(super) fn enliven(&mut self, object: &Object, new: &Reserved, tag: Tag, badge: u64) {
        if self.capabilities == 0 {
            object.acquire_held();
        }
        self.capabilities += 1;
        let loose = !new.slot.space().anchored.load(Ordering::Relaxed);
        if loose {
            object.loose.fetch_add(1, Ordering::Relaxed);
        }
        let object = core::ptr::from_ref(object).cast_mut();
        new.slot.object.store(object, Ordering::Release);
        new.slot.badge.store(badge, Ordering::Release);
        new.slot.set_tag(tag.with(Tag::LOOSE, loose));
    }
}

/// The slot at an address, if it is not null.
#[inline]
pub(super) fn at<'a>(slot: *mut Slot) -> Option<&'a Slot> {
    // SAFETY: links of a tree, read under its lock, lead to slots that hold capabilities (or
    // dying ones) of that tree, whose spaces exist.
    NonNull::new(slot).map(|slot| unsafe { slot.as_ref() })
}

#[inline]
pub(super) fn address(slot: &Slot) -> *mut Slot {
    core::ptr::from_ref(slot).cast_mut()
}

/// What the copy of a capability gets.
#[derive(Clone, Copy)]
pub struct Grant {
    /// The most rights it may have.
    pub rights: Rights,
    /// Its badge; 0 keeps the source's. Only a source without a badge can give one.
    pub badge: u64,
}

impl Space {
    /// Puts a first capability to `object` into the space: the root of a tree of its own. Only
    /// the kernel does this, for objects that it has just made.
    pub fn insert_root(&self, object: &Object, rights: Rights, badge: u64) -> Result<Token, Error> {
        let new = self.reserve()?;
        let tag = Tag::live(new.generation(), object.kind(), rights, Policy::Inherit);
        let mut tree = object.tree.lock();
        tree.insert(object, &new, null_mut(), tag, badge);
        Ok(new.token)
    }

    /// Makes a child of a capability of this space, in this space. Needs the right to derive.
    #[cfg(any(test, feature = "ktest"))]
    pub fn mint(&self, source: Token, grant: Grant) -> Result<Token, Error> {
        self.lookup_any(source, Rights::DERIVE)?.derive(self, grant)
    }

    /// Makes a child of a capability of this space, in `target`. Needs the right to grant.
    pub fn delegate(&self, source: Token, target: &Space, grant: Grant) -> Result<Token, Error> {
        self.lookup_any(source, Rights::GRANT)?
            .derive(target, grant)
    }
}

impl Checked<'_> {
    /// Makes a child of this capability in `target`. The caller has checked the right to derive
    /// (its own space) or to grant (another's).
    pub fn derive(&self, target: &Space, grant: Grant) -> Result<Token, Error> {
        if grant.badge != 0 && self.badge != 0 && grant.badge != self.badge {
            return Err(Error::InvalidArgument);
        }
        let new = target.reserve()?;
        let (mut tree, live) = self
            .source(grant.rights, &new)
            .inspect_err(|_| target.give_back(new.slot))?;
        let badge = self.badge | grant.badge;
        tree.insert(self.object, &new, address(self.slot), live, badge);
        Ok(new.token)
    }

    /// The lock of the tree in which a child of this capability is to stand, and the child's tag.
    #[inline]
    pub(super) fn source(&self, rights: Rights, new: &Reserved) -> Locked<'_> {
        let (tree, tag) = self.lock()?;
        if tree.is_frozen(self.slot) {
            return Err(Error::Busy);
        }
        let rights = tag.rights() & rights;
        let live = Tag::live(new.generation(), tag.kind(), rights, Policy::Inherit);
        Ok((tree, live))
    }
}
