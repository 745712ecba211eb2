//! What a forked child and the next image of a process get of its capabilities.
//!
//! A forked child's space repeats the parent's slot for slot, so that an inherited copy is named
//! by the same token; each copy is a child of its source. A slot whose capability the child does
//! not get starts there with a generation that the parent has not used, so no token that the
//! parent ever had names something else in the child.

use veridian_abi::Error;

use super::Kind;
use super::derivation::address;
use super::rights::Policy;
use super::slot::{Slot, Tag};
use super::space::{Reserved, Space};
use super::sync::preemption_point;
use super::token::Token;

/// Slots copied between two preemption points.
const BATCH: u32 = 64;

impl Space {
    /// Fills this space, which is new and private, with what a fork of `parent` inherits. On an
    /// error (no memory; a revocation in the way) the caller closes this space.
    pub fn inherit(&self, parent: &Space) -> Result<(), Error> {
        for index in 1..parent.extent() {
            // The first slot of a chunk is its header, not a capability.
            let Some(source) = parent
                .slot(index)
                .filter(|_| index % super::slot::CHUNK_SLOTS != 0)
            else {
                continue;
            };
            let slot = self.provide(index)?;
            // What the child was given of its own before stays.
            if slot.tag().is_live() {
                continue;
            }
            let free = !self.copy(source, slot, index)? && slot.tag().generation() != 0;
            self.with_store(|store| {
                store.fresh = index + 1;
                store.occupy(slot, free);
            });
            if index % BATCH == 0 {
                preemption_point();
            }
        }
        Ok(())
    }

    /// Copies one capability, if there is one and it is inherited.
    fn copy(&self, source: &Slot, slot: &Slot, index: u32) -> Result<bool, Error> {
        let tag = source.tag();
        let Some((object, badge)) = source.contents(tag).filter(|_| tag.is_live()) else {
            slot.set_tag(Tag::empty(source.tag().generation(), Kind::Free));
            return Ok(false);
        };
        // SAFETY: alive when the tag was read, and allocated until the next preemption point.
        let object = unsafe { &*object };
        let mut tree = object.tree.lock();
        let now = source.tag();
        let rights = match now.generation() == tag.generation() && now.is_live() {
            true => now.policy().reduce(now.rights()),
            false => None,
        };
        let Some(rights) = rights else {
            slot.set_tag(tag.after_death(Kind::Free));
            return Ok(false);
        };
        if tree.is_frozen(source) {
            return Err(Error::Busy);
        }
        let new = Reserved {
            slot,
            token: Token::new(index, tag.generation()),
        };
        let live = Tag::live(tag.generation(), tag.kind(), rights, now.policy());
        tree.insert(object, &new, address(source), live, badge);
        Ok(true)
    }

    /// Does to this space what an exec does: capabilities to be dropped are deleted, those to be
    /// inherited reduced lose rights.
    pub fn exec(&self) {
        for index in 1..self.extent() {
            let Some(slot) = self.slot(index) else {
                continue;
            };
            let tag = slot.tag();
            match tag.policy() {
                _ if !tag.is_live() => {}
                Policy::Inherit => {}
                // Not there any more, or being revoked, which ends in its death as well.
                Policy::Drop => drop(self.delete(Token::new(index, tag.generation()))),
                Policy::InheritReduced => self.reduce(slot, tag),
            }
            if index % BATCH == 0 {
                preemption_point();
            }
        }
    }

    fn reduce(&self, slot: &Slot, tag: Tag) {
        let Some((object, _)) = slot.contents(tag) else {
            return;
        };
        // SAFETY: alive when the tag was read, and allocated until the next preemption point.
        let _tree = unsafe { &*object }.tree.lock();
        let now = slot.tag();
        if let Some(rights) = now
            .policy()
            .reduce(now.rights())
            .filter(|_| now.generation() == tag.generation())
        {
            slot.set_tag(now.with_rights(rights));
        }
    }
}
