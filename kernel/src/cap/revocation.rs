//! Deletion and revocation.
//!
//! Revoking a capability kills everything derived from it, in every space, and leaves itself.
//! There is no cursor to lose: the state of a revocation is the tree itself. One step looks at
//! the first child of the capability being revoked: if that has children, its first one is moved
//! up to the revoked capability; if not, it dies. Every descendant is moved at most once and
//! dies once, so the work is linear, no step depends on depth or width, and whatever others
//! delete or revoke in the same tree between two steps only makes it less. Nothing can be
//! derived inside (`Tree::is_frozen`), so it ends.
//!
//! A capability whose own revocation is under way can be killed by that of an ancestor, which
//! then takes over what is left; the inner one reports that its capability is gone.
//!
//! When deletion or revocation returns, the barrier has passed (no operation that checked one of
//! the dead capabilities is still running), the object was swept (nothing done through one of
//! them is left), and an object without capabilities and uses is gone.

use core::ptr::null_mut;

use veridian_abi::Error;

use super::derivation::at;
use super::object::{Kind, Object, Tree, reap};
use super::rights::{Policy, Rights};
use super::slot::{Slot, Tag};
use super::space::{Checked, Space};
use super::sync::{Guard, Ordering, Progress, barrier, preemption_point};
use super::token::Token;

/// Moves and deaths between two preemption points.
const BATCH: u32 = 64;

impl Tree {
    /// Ends the life of the capability in `slot`, which keeps its place in the tree until its
    /// children are moved. Says whether it was the object's last.
    #[inline]
    fn kill(&mut self, object: &Object, slot: &Slot, tag: Tag, state: Kind) -> bool {
        slot.set_tag(tag.after_death(state));
        self.revoking -= tag.has(Tag::REVOKING) as u32;
        self.capabilities -= 1;
        if tag.has(Tag::LOOSE) {
            object.loose.fetch_sub(1, Ordering::Relaxed);
        }
        self.capabilities == 0
    }

    /// Removes a live capability without children that is not the object's last.
    pub(super) fn remove(&mut self, object: &Object, slot: &Slot, tag: Tag) {
        self.kill(object, slot, tag, Kind::Free);
        self.begin();
        self.unlink(slot);
        self.end();
        slot.space().give_back(slot);
    }

    /// One piece of a revocation below `root`.
    #[inline]
    fn revoke_step(&mut self, object: &Object, root: &Slot) -> Progress {
        let Some(child) = at(root.first_child.get()) else {
            return Progress::Done;
        };
        if !self.lift_child(child) {
            let tag = Tag(child.tag.load(Ordering::Relaxed));
            if tag.kind() == Kind::Dying {
                // Dead already and only to be taken out, or not alive yet (a message's). A new
                // generation tells its deleter or sender that this was done.
                child.set_tag(tag.after_death(Kind::Free));
            } else {
                self.kill(object, child, tag, Kind::Free);
            }
            self.unlink(child);
            child.space().give_back(child);
        }
        Progress::More
    }
}

/// Removes a dying capability from its tree, step by step, and gives its slot back.
#[inline]
fn bury<'a>(object: &'a Object, slot: &Slot, dying: Tag, mut tree: Guard<'a, Tree>) {
    loop {
        tree.begin();
        let moved = (0..BATCH).take_while(|_| tree.lift_child(slot)).count();
        if moved < BATCH as usize {
            tree.unlink(slot);
            tree.end();
            slot.set_tag(Tag::empty(dying.generation(), Kind::Free));
            drop(tree);
            return slot.space().give_back(slot);
        }
        tree.end();
        drop(tree);
        preemption_point();
        tree = object.tree.lock();
        // A revocation may have finished it in the meantime; its slot may even have a new one.
        if slot.tag() != dying {
            return;
        }
    }
}

/// Ends whatever the death of a capability to `object` leaves behind; gives up one use of it.
fn settle(object: &Object) {
    barrier();
    object.sweep();
    object.release();
    reap();
}

impl Checked<'_> {
    /// Deletes the capability. Its children become children of its parent.
    pub fn delete(self) -> Result<(), Error> {
        let (tree, tag) = self.lock()?;
        if tag.has(Tag::REVOKING) {
            return Err(Error::Busy);
        }
        remove(self.object, self.slot, tag, tree);
        settle(self.object);
        Ok(())
    }

    /// Revokes everything that was derived from the capability; the caller has checked the right
    /// to manage. Says how many capabilities died by this call.
    pub fn revoke(self) -> Result<u64, Error> {
        let (object, slot) = (self.object, self.slot);
        let (mut tree, _) = self.lock()?;
        object.acquire_held();
        let mut died = 0;
        let outcome = loop {
            let Ok(tag) = self.still() else {
                break Err(Error::Revoked);
            };
            // Another revocation of the same capability may have finished and lifted the mark.
            if !tag.has(Tag::REVOKING) {
                slot.set_tag(tag.with(Tag::REVOKING, true));
                tree.revoking += 1;
            }
            let before = tree.capabilities;
            tree.begin();
            let done = (0..BATCH).any(|_| tree.revoke_step(object, slot) == Progress::Done);
            tree.end();
            died += (before - tree.capabilities) as u64;
            if done {
                slot.set_tag(slot.tag().with(Tag::REVOKING, false));
                tree.revoking -= 1;
                break Ok(died);
            }
            drop(tree);
            preemption_point();
            tree = object.tree.lock();
        };
        drop(tree);
        settle(object);
        outcome
    }

    /// Sets what a fork or exec does with the capability.
    pub fn set_policy(&self, policy: Policy) -> Result<(), Error> {
        let (_tree, tag) = self.lock()?;
        self.slot.set_tag(tag.with_policy(policy));
        Ok(())
    }
}

/// Kills a live capability under its lock, buries it, and takes over one use of the object: the
/// one that its capabilities had together, if this was the last.
#[inline]
fn remove<'a>(object: &'a Object, slot: &Slot, tag: Tag, mut tree: Guard<'a, Tree>) {
    if !tree.kill(object, slot, tag, Kind::Dying) {
        object.acquire_held();
    }
    bury(object, slot, tag.after_death(Kind::Dying), tree);
}

impl Space {
    /// Deletes the capability that `token` names. Its children become children of its parent.
    pub fn delete(&self, token: Token) -> Result<(), Error> {
        self.lookup_any(token, Rights::NONE)?.delete()
    }

    /// Revokes everything that was derived from the capability that `token` names; needs the
    /// right to manage. Says how many capabilities died by this call.
    #[cfg(any(test, feature = "ktest"))]
    pub fn revoke(&self, token: Token) -> Result<u64, Error> {
        self.lookup_any(token, Rights::MANAGE)?.revoke()
    }

    /// Sets what a fork or exec does with the capability.
    pub fn set_policy(&self, token: Token, policy: Policy) -> Result<(), Error> {
        self.lookup_any(token, Rights::NONE)?.set_policy(policy)
    }

    /// Ends the space: nothing can be inserted any more, and everything in it dies. The holder
    /// calls it once, when nobody looks up in the space by its own will any more.
    pub fn close(&self) {
        self.shut();
        if self.slots().next().is_none() {
            // Nothing was ever in it, so nobody can be at something of it either.
            return;
        }
        barrier();
        for (_, slot) in self.slots() {
            match slot.capability() {
                Ok((object, tree, tag)) => remove(object, slot, tag, tree),
                Err(_) => slot.object.store(null_mut(), Ordering::Relaxed),
            }
        }
        // The dead keep their object's address, and each a use of it, until the sweep is done.
        barrier();
        for (_, slot) in self.slots() {
            let object = slot.object.swap(null_mut(), Ordering::Relaxed);
            // SAFETY: the address was left only where `remove` took a use.
            if let Some(object) = unsafe { object.as_ref() } {
                object.sweep();
                object.release();
            }
        }
    }
}
