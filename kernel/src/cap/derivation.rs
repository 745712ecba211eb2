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
use super::space::{Checked, Reserved, Space};
use super::sync::{Ordering, fence};
use super::token::Token;

/// How many ancestors a derivation looks at while a revocation runs in its tree.
const ANCESTORS_MAX: usize = 1024;

impl Tree {
    /// Marks the links as changing, for readers that do not take the lock.
    #[inline]
    pub(super) fn begin(&self) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence
            .store(sequence.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
    }

    /// Marks the links as stable.
    #[inline]
    pub(super) fn end(&self) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence
            .store(sequence.wrapping_add(1), Ordering::Release);
    }

    #[inline]
    fn set_first(&mut self, parent: *mut Slot, slot: *mut Slot) {
        match at(parent) {
            Some(parent) => parent.first_child.set(slot),
            None => self.roots = slot,
        }
    }

    /// Makes `slot` the first child of `parent`, or a root.
    pub(super) fn link(&mut self, slot: &Slot, parent: *mut Slot) {
        let first = at(parent).map_or(self.roots, |parent| parent.first_child.get());
        slot.parent.set(parent);
        slot.previous.set(null_mut());
        slot.next.set(first);
        if let Some(first) = at(first) {
            first.previous.set(address(slot));
        }
        self.set_first(parent, address(slot));
    }

    /// Takes `slot`, which has no children, out of the tree.
    #[inline]
    pub(super) fn unlink(&mut self, slot: &Slot) {
        debug_assert!(slot.first_child.get().is_null());
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
    pub(super) fn lift_child(&mut self, slot: &Slot) -> bool {
        let Some(child) = at(slot.first_child.get()) else {
            return false;
        };
        let rest = child.next.get();
        slot.first_child.set(rest);
        if let Some(rest) = at(rest) {
            rest.previous.set(null_mut());
        }
        let (parent, previous) = (slot.parent.get(), slot.previous.get());
        child.parent.set(parent);
        child.previous.set(previous);
        child.next.set(address(slot));
        slot.previous.set(address(child));
        match at(previous) {
            Some(previous) => previous.next.set(address(child)),
            None => self.set_first(parent, address(child)),
        }
        true
    }

    /// Whether nothing may be derived from `slot`, because it or an ancestor is being revoked.
    pub(super) fn is_frozen(&self, slot: &Slot) -> bool {
        if self.revoking == 0 {
            return false;
        }
        let mut next = address(slot);
        for _ in 0..ANCESTORS_MAX {
            let Some(slot) = at(next) else { return false };
            if slot.tag().is_revoking() {
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
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence
            .store(sequence.wrapping_add(2), Ordering::Release);
        self.enliven(object, new, tag, badge);
    }

    /// Makes a slot that is in the tree already a capability.
    #[inline]
    pub(super) fn enliven(&mut self, object: &Object, new: &Reserved, tag: Tag, badge: u64) {
        if self.capabilities == 0 {
            object.acquire_held();
        }
        self.capabilities += 1;
        let loose = !new.slot.space().is_anchored();
        if loose {
            object.loose.fetch_add(1, Ordering::Relaxed);
        }
        new.slot
            .object
            .store(object as *const Object as *mut Object, Ordering::Release);
        new.slot.badge.store(badge, Ordering::Release);
        new.slot.set_tag(tag.with_loose(loose));
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
    slot as *const Slot as *mut Slot
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
        object
            .tree
            .lock()
            .insert(object, &new, null_mut(), tag, badge);
        Ok(new.token)
    }

    /// Makes a child of a capability of this space, in this space. Needs the right to derive.
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
        let mut tree = self.object.tree.lock();
        let tag = match self.still() {
            Ok(tag) if !tree.is_frozen(self.slot) => tag,
            refused => {
                drop(tree);
                target.give_back(new.slot);
                return Err(refused.err().unwrap_or(Error::Busy));
            }
        };
        let rights = tag.rights() & grant.rights;
        let live = Tag::live(new.generation(), tag.kind(), rights, Policy::Inherit);
        tree.insert(
            self.object,
            &new,
            address(self.slot),
            live,
            self.badge | grant.badge,
        );
        Ok(new.token)
    }
}
