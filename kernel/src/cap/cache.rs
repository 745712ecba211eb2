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
#[cfg(target_os = "none")]
use super::slot::{Binding, Tag};
use super::slot::{Need, Slot};
use super::space::{Checked, Found, Space};
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
    fn miss<'s>(&self, space: &'s Space, token: Token, kind: Kind, rights: Rights) -> Found<'s> {
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

crate::described! {
    /// A lookup that a thread remembers: the endpoint of its last message. Its place implies kind and
    /// rights. The slot's tag is compared with the one remembered, which a capability that was deleted,
    /// revoked or changed in any way does not have any more.
    #[repr(C)]
    pub struct Memo {
        /// Token that was looked up.
        pub token: u64,
        slot: *const Slot,
        tag: u64,
        /// What it names.
        pub object: *const Object,
        /// Its badge.
        pub badge: u64,
    }
}

/// Where a memo without a capability points; aligned as a slot is.
#[cfg(target_os = "none")]
#[repr(align(64))]
struct Nothing {
    _words: [u64; 8],
}
#[cfg(target_os = "none")]
static NOTHING: Nothing = Nothing { _words: [0; 8] };
#[cfg(target_os = "none")]
const _: () = assert!(
    align_of::<Slot>() == align_of::<Nothing>() && size_of::<Slot>() <= size_of::<Nothing>()
);

#[cfg(target_os = "none")]
impl Default for Memo {
    fn default() -> Memo {
        Memo {
            token: 0,
            slot: (&raw const NOTHING).cast(),
            tag: u64::MAX,
            object: null(),
            badge: 0,
        }
    }
}

#[cfg(target_os = "none")]
impl Memo {
    /// Whether the capability is what it was when it was looked up, so that `object` may be used.
    #[inline(always)]
    pub fn holds(&self) -> bool {
        // SAFETY: a slot of the thread's space, which exists while the thread does, or `NOTHING`,
        // whose tag is never written.
        unsafe { &*self.slot }.tag().0 == self.tag
    }

    /// Which capability it is.
    pub fn binding(&self) -> Binding {
        // SAFETY: as in `holds`.
        Binding::new(unsafe { &*self.slot }, Tag(self.tag).generation())
    }

    /// As `space.lookup`, and remembers what it finds.
    pub fn lookup<'s>(
        &mut self,
        space: &'s Space,
        token: Token,
        kind: Kind,
        rights: Rights,
    ) -> Result<Checked<'s>, Error> {
        let found = space.lookup(token, kind, rights)?;
        let tag = found.tag();
        if !tag.meets(token, Need::of(kind, rights)) {
            return Err(Error::InvalidCapability);
        }
        *self = Memo {
            token: token.0,
            slot: found.slot,
            tag: tag.0,
            object: found.object,
            badge: found.badge,
        };
        Ok(found)
    }
}
