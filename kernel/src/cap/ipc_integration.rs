//! Capabilities in messages.
//!
//! A message carries all its capabilities or is not sent: first every slot is reserved at the
//! destination (`Space::prepare`), then every copy is entered into its tree without being usable
//! yet, and only when none of this failed do they come alive, which cannot fail any more. A
//! revocation in between finds the copies in the tree like any other; it is then as if it had
//! come just after the delivery.
//!
//! A message that waits in a ring keeps its capabilities in a space of the ring's own. There
//! they are children of what the sender named, so that revocation reaches undelivered messages,
//! and delivery moves them on in the same place of the tree.
//!
//! Take no lock of an endpoint or ring around these calls: derivation locks come first.

use veridian_abi::{CAPS_MAX, Error, NO_TOKEN};

use super::derivation::address;
use super::object::{Kind, Object};
use super::rights::{Policy, Rights};
use super::slot::Tag;
use super::space::{Reserved, Space};
use super::token::Token;

/// Slots for the capabilities of one message; unused ones go back when it is dropped.
pub struct Landing<'a> {
    space: &'a Space,
    slots: [Option<Reserved<'a>>; CAPS_MAX],
}

/// The tokens of a message's capabilities at their destination.
pub type Tokens = [Token; CAPS_MAX];

const NOTHING: Tokens = [Token(NO_TOKEN); CAPS_MAX];

impl Space {
    /// Takes the slots that a message with `count` capabilities needs here.
    pub fn prepare(&self, count: usize) -> Result<Landing<'_>, Error> {
        if count > CAPS_MAX {
            return Err(Error::InvalidArgument);
        }
        let mut landing = Landing {
            space: self,
            slots: [const { None }; CAPS_MAX],
        };
        for slot in &mut landing.slots[..count] {
            *slot = Some(self.reserve()?);
        }
        Ok(landing)
    }
}

impl Landing<'_> {
    /// Copies the capabilities that a sender names, each with at most the rights named; the
    /// sender needs the right to grant. All of them or none.
    pub fn copy(mut self, source: &Space, named: &[(Token, Rights)]) -> Result<Tokens, Error> {
        let mut copies: [Option<Copy>; CAPS_MAX] = [const { None }; CAPS_MAX];
        for (i, &(token, rights)) in named.iter().enumerate() {
            let new = self.slots[i].as_ref().ok_or(Error::InvalidArgument)?;
            match Copy::enter(source, token, rights, new) {
                Ok(copy) => copies[i] = Some(copy),
                Err(error) => {
                    let entered = copies.iter().flatten().zip(&mut self.slots);
                    entered.for_each(|(copy, new)| copy.undo(new));
                    return Err(error);
                }
            }
        }
        let mut tokens = NOTHING;
        for ((copy, new), token) in copies.iter().zip(&mut self.slots).zip(&mut tokens) {
            if let (Some(copy), Some(new)) = (copy, new.take()) {
                *token = copy.enliven(&new);
            }
        }
        Ok(tokens)
    }

    /// Moves capabilities out of a ring's space. One that was revoked on the way is missing.
    pub fn take(mut self, ring: &Space, named: &[Token]) -> Tokens {
        let mut tokens = NOTHING;
        for ((slot, &old), token) in self.slots.iter_mut().zip(named).zip(&mut tokens) {
            let Some(new) = slot.take() else { break };
            match ring.move_out(old, &new) {
                true => *token = new.token,
                false => *slot = Some(new),
            }
        }
        tokens
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        for new in self.slots.iter().flatten() {
            self.space.give_back(new.slot);
        }
    }
}

/// A copy that is in its tree but not usable yet.
struct Copy<'a> {
    object: &'a Object,
    live: Tag,
    badge: u64,
}

impl<'a> Copy<'a> {
    fn pending(new: &Reserved) -> Tag {
        Tag::empty(new.generation(), Kind::Dying)
    }

    fn enter(from: &'a Space, token: Token, rights: Rights, new: &Reserved) -> Result<Self, Error> {
        let found = from.lookup_any(token, Rights::GRANT)?;
        let (mut tree, live) = found.source(rights, new)?;
        tree.begin();
        tree.link(new.slot, address(found.slot));
        tree.end();
        new.slot.set_tag(Self::pending(new));
        Ok(Copy {
            object: found.object,
            live,
            badge: found.badge,
        })
    }

    /// Takes the copy out again; its slot stays with the landing, unless a revocation has given
    /// it back already.
    fn undo(&self, new: &mut Option<Reserved>) {
        let mut tree = self.object.tree.lock();
        let Some(reserved) = new.as_ref() else { return };
        if reserved.slot.tag() != Self::pending(reserved) {
            return *new = None;
        }
        tree.begin();
        tree.unlink(reserved.slot);
        tree.end();
        let free = Tag::empty(reserved.generation(), Kind::Free);
        reserved.slot.set_tag(free);
    }

    /// Makes the copy usable; says under which token, or that a revocation was faster.
    fn enliven(&self, new: &Reserved) -> Token {
        let mut tree = self.object.tree.lock();
        if new.slot.tag() != Self::pending(new) {
            return Token(NO_TOKEN);
        }
        tree.enliven(self.object, new, self.live, self.badge);
        new.token
    }
}

impl Space {
    /// Moves the capability `old` of this space to the slot `new`, unless it is gone.
    fn move_out(&self, old: Token, new: &Reserved) -> bool {
        let Ok(found) = self.lookup_any(old, Rights::NONE) else {
            return false;
        };
        let Ok((mut tree, tag)) = found.lock() else {
            return false;
        };
        let live = Tag::live(new.generation(), tag.kind(), tag.rights(), Policy::Inherit);
        let parent = found.slot.parent.get();
        tree.insert(found.object, new, parent, live, found.badge);
        tree.remove(found.object, found.slot, tag);
        true
    }
}
