//! What a forked child and the next image of a process get of its capabilities.
//!
//! A forked child's space repeats the parent's slot for slot, so that an inherited copy is named
//! by the same token; each copy is a child of its source. A slot whose capability the child does
//! not get starts there with a generation that the parent has not used, so no token that the
//! parent ever had names something else in the child.

use veridian_abi::Error;

use super::derivation::address;
use super::object::Kind;
use super::slot::{Slot, Tag};
use super::space::{Reserved, Space};
use super::sync::Ordering;
use super::token::Token;

impl Space {
    /// Fills this space, which is new and private, with what a fork of `parent` inherits. On an
    /// error (no memory; a revocation in the way) the caller closes this space.
    pub fn inherit(&self, parent: &Space) -> Result<(), Error> {
        for (index, source) in parent.slots() {
            let slot = self.provide(index)?;
            // What the child was given of its own before stays.
            if !slot.tag().is_live() {
                let copied = copy(source, slot, index)?;
                self.occupy(index, slot, !copied && slot.tag().generation() != 0);
            }
        }
        Ok(())
    }

    /// Does to this space what an exec does: capabilities to be dropped are deleted, those to be
    /// inherited reduced lose rights.
    pub fn exec(&self) {
        for (index, slot) in self.slots() {
            let Ok((_, tree, tag)) = slot.capability() else {
                continue;
            };
            match tag.policy().reduce(tag.rights()) {
                Some(rights) => slot.set_tag(tag.with_rights(rights)),
                None => {
                    drop(tree);
                    // Not there any more, or being revoked, which ends in its death as well.
                    let _ = self.delete(Token::new(index, tag.generation()));
                }
            }
        }
    }
}

/// Copies one capability, if there is one and it is inherited.
fn copy(source: &Slot, slot: &Slot, index: u32) -> Result<bool, Error> {
    let (object, mut tree, tag) = match source.capability() {
        Ok(found) => found,
        Err(empty) => {
            slot.set_tag(Tag::empty(empty.generation(), Kind::Free));
            return Ok(false);
        }
    };
    let Some(rights) = tag.policy().reduce(tag.rights()) else {
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
    let live = Tag::live(tag.generation(), tag.kind(), rights, tag.policy());
    let badge = source.badge.load(Ordering::Relaxed);
    tree.insert(object, &new, address(source), live, badge);
    Ok(true)
}
