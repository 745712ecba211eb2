//! Each CPU's memory of recent lookups.
//!
//! An entry says where the slot of (token, space) is and what object and badge the token's
//! generation has. A hit still loads the slot's tag and checks generation, type and rights, so a
//! capability that was deleted or revoked is refused no matter what is cached, and deleting one
//! leaves every other entry valid. Entries need no invalidation: space ids are never reused, and
//! nobody looks up in a space that is gone, so a stale slot pointer is never followed.

use core::cell::{Cell, UnsafeCell};
use core::ptr::null;

use veridian_abi::Error;

use super::object::{Kind, Object};
use super::rights::Rights;
use super::slot::{Need, Slot};
use super::space::{Checked, Space};
use super::token::Token;

const ENTRIES: usize = 64;

#[derive(Clone, Copy)]
#[repr(C)]
struct Entry {
    token: Token,
    space: u64,
    slot: *const Slot,
    object: *const Object,
    badge: u64,
    unused: [u64; 3],
}

/// Recent lookups of one CPU, used by that CPU alone.
#[repr(C)]
pub struct Cache {
    entries: UnsafeCell<[Entry; ENTRIES]>,
    misses: Cell<u64>,
}

impl Cache {
    /// Nothing remembered.
    pub const fn new() -> Cache {
        let nothing = Entry {
            token: Token(0),
            space: 0,
            slot: null(),
            object: null(),
            badge: 0,
            unused: [0; 3],
        };
        Cache {
            entries: UnsafeCell::new([nothing; ENTRIES]),
            misses: Cell::new(0),
        }
    }

    /// How many lookups were not answered from here. (Hits are not counted: that would be the
    /// dearest part of one.)
    pub fn misses(&self) -> u64 {
        self.misses.get()
    }

    /// As `space.lookup(token, kind, rights)`.
    #[inline]
    pub fn lookup<'s>(
        &self,
        space: &'s Space,
        token: Token,
        kind: Kind,
        rights: Rights,
    ) -> Result<Checked<'s>, Error> {
        // SAFETY: only its own CPU uses a cache, with interrupts off, and no reference to an
        // entry outlives this function.
        let entry = unsafe { &(&*self.entries.get())[token.index() as usize % ENTRIES] };
        if entry.token == token && entry.space == space.id {
            // SAFETY: the space exists, so its chunks do.
            let slot = unsafe { &*entry.slot };
            let tag = slot.tag();
            if tag.meets(token, Need::of(kind, rights)) {
                return Ok(Checked::new(slot, entry.object, entry.badge, tag));
            }
        }
        self.miss(space, token, kind, rights)
    }

    #[cold]
    #[inline(never)]
    fn miss<'s>(
        &self,
        space: &'s Space,
        token: Token,
        kind: Kind,
        rights: Rights,
    ) -> Result<Checked<'s>, Error> {
        self.misses.set(self.misses.get() + 1);
        let found = space.lookup(token, kind, rights)?;
        // SAFETY: as in `lookup`, whose reference is not used any more.
        let entry = unsafe { &mut (&mut *self.entries.get())[token.index() as usize % ENTRIES] };
        entry.token = token;
        entry.space = space.id;
        entry.slot = found.slot;
        entry.object = found.object;
        entry.badge = found.badge;
        Ok(found)
    }
}
