//! The registry: names to capabilities, in namespaces that are objects themselves.
//!
//! A namespace keeps what is registered in a capability space of its own. Finding a name derives a
//! child for the finder, with the rights that were registered; revoking what was registered, or its
//! source, takes it away from the namespace and from every finder. A process finds only what its
//! namespace capability leads to.
//!
//! Names are hashed into a table that doubles when it is half full, so finding one is O(1).
//! Lock order: the namespace's lock is let go before a capability is touched.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr::NonNull;

use crate::cap::{Grant, Kind, Object, ObjectOps, Progress, Rights, Space, Token, Typed, Use};
use crate::lock::{Rank, SpinLock};
use crate::mm::heap::Cache;
use veridian_abi::Error;

/// Bytes of a name at most.
pub const NAME_MAX: usize = 32;
/// Names of a namespace at most.
const ENTRIES_MAX: usize = 4096;

/// A name, padded with zeros.
pub type Name = [u8; NAME_MAX];

#[derive(Clone, Copy)]
struct Entry {
    name: Name,
    token: Token,
    rights: Rights,
}

/// Open addressing with linear probing; a removed entry's successors move up.
#[derive(Default)]
struct Table {
    places: Vec<Option<Entry>>,
    count: usize,
}

fn hash(name: &Name) -> usize {
    name.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, &b| {
        (h ^ b as u64).wrapping_mul(0x100_0000_01b3)
    }) as usize
}

impl Table {
    fn place(&self, name: &Name) -> usize {
        let mask = self.places.len() - 1;
        let mut at = hash(name) & mask;
        while self.places[at]
            .as_ref()
            .is_some_and(|entry| entry.name != *name)
        {
            at = (at + 1) & mask;
        }
        at
    }

    fn find(&self, name: &Name) -> Option<Entry> {
        if self.places.is_empty() {
            None
        } else {
            self.places[self.place(name)]
        }
    }

    fn insert(&mut self, entry: Entry) -> Result<(), Error> {
        if self.count >= ENTRIES_MAX {
            return Err(Error::SpaceFull);
        }
        if self.count * 2 >= self.places.len() {
            let mut places = Vec::new();
            let length = (self.places.len() * 2).max(16);
            places
                .try_reserve_exact(length)
                .map_err(|_| Error::OutOfMemory)?;
            places.resize(length, None);
            let old = core::mem::replace(&mut self.places, places);
            for entry in old.into_iter().flatten() {
                let at = self.place(&entry.name);
                self.places[at] = Some(entry);
            }
        }
        let at = self.place(&entry.name);
        if self.places[at].is_some() {
            return Err(Error::AlreadyExists);
        }
        self.places[at] = Some(entry);
        self.count += 1;
        Ok(())
    }

    fn remove(&mut self, name: &Name) -> Option<Entry> {
        if self.places.is_empty() {
            return None;
        }
        let mask = self.places.len() - 1;
        let mut hole = self.place(name);
        let removed = self.places[hole].take()?;
        self.count -= 1;
        let mut at = (hole + 1) & mask;
        while let Some(entry) = self.places[at] {
            let home = hash(&entry.name) & mask;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.places[hole] = self.places[at].take();
                hole = at;
            }
            at = (at + 1) & mask;
        }
        Some(removed)
    }
}

crate::described! {
    /// A namespace.
    #[repr(C)]
    pub struct Namespace {
        object: Object,
        space: NonNull<Space>,
        table: SpinLock<Table>,
    }
}

// SAFETY: the space locks itself; the table is behind its lock.
unsafe impl Sync for Namespace {}
// SAFETY: as above.
unsafe impl Send for Namespace {}
// SAFETY: `repr(C)` with the header first.
unsafe impl Typed for Namespace {
    const KIND: Kind = Kind::Namespace;
}

static CACHE: Cache<Namespace> = Cache::new("namespace");
static OPERATIONS: ObjectOps = ObjectOps {
    sweep: |_| Progress::Done,
    destroy,
    holds: |object| of(object).space.as_ptr(),
};

impl Namespace {
    /// An empty namespace.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn create() -> Result<Use<Namespace>, Error> {
        let namespace = CACHE.allocate().map_err(|_| Error::OutOfMemory)?;
        let holder = namespace.as_ptr().cast();
        let space = match Space::create(holder, false, ENTRIES_MAX as u32) {
            Ok(space) => space,
            Err(error) => {
                // SAFETY: just allocated, never used.
                unsafe { CACHE.free_uninit(namespace) };
                return Err(error);
            }
        };
        let namespace = namespace.cast::<Namespace>();
        // SAFETY: the memory is fresh and large enough; a new object's one use is its creator's.
        unsafe {
            namespace.write(Namespace {
                object: Object::new(Kind::Namespace, &OPERATIONS),
                space: NonNull::from(Box::leak(space)),
                table: SpinLock::new(Rank::Registry, Table::default()),
            });
            Ok(Use::from_raw(namespace))
        }
    }

    fn space(&self) -> &Space {
        // SAFETY: it lives as long as the namespace.
        unsafe { self.space.as_ref() }
    }

    /// Enters a capability of `source` under a name, for finders to get with `rights`.
    ///
    /// # Errors
    /// `AlreadyExists`, `SpaceFull`, `OutOfMemory`, and those of granting a capability.
    pub fn register(
        &self,
        name: Name,
        source: &Space,
        token: Token,
        rights: Rights,
    ) -> Result<(), Error> {
        let grant = Grant {
            rights: rights | Rights::GRANT,
            badge: 0,
        };
        let kept = source.delegate(token, self.space(), grant)?;
        let entered = self.table.lock().insert(Entry {
            name,
            token: kept,
            rights,
        });
        if entered.is_err() {
            // It may have been revoked already.
            let _ = self.space().delete(kept);
        }
        entered
    }

    /// Derives what a name stands for into `target`.
    ///
    /// # Errors
    /// `NotFound` if there is no such name, or what it stood for was revoked.
    pub fn find(&self, name: Name, target: &Space) -> Result<Token, Error> {
        let entry = self.table.lock().find(&name).ok_or(Error::NotFound)?;
        let grant = Grant {
            rights: entry.rights,
            badge: 0,
        };
        match self.space().delegate(entry.token, target, grant) {
            Err(Error::InvalidCapability) => Err(Error::NotFound),
            other => other,
        }
    }

    /// Removes a name.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn unregister(&self, name: Name) -> Result<(), Error> {
        let entry = self.table.lock().remove(&name).ok_or(Error::NotFound)?;
        // It may have been revoked already.
        let _ = self.space().delete(entry.token);
        Ok(())
    }
}

fn of(object: &Object) -> &Namespace {
    // SAFETY: these operations are installed in namespaces alone, whose header comes first.
    unsafe { &*core::ptr::from_ref(object).cast() }
}

/// Frees a namespace that nobody uses.
///
/// # Safety
/// As `ObjectOps::destroy` says.
unsafe fn destroy(object: NonNull<Object>) {
    let namespace = object.cast::<Namespace>();
    // SAFETY: nobody uses the namespace; its space and table go with it.
    unsafe {
        namespace.as_ref().space().close();
        drop(Box::from_raw(namespace.as_ref().space.as_ptr()));
        CACHE.free(namespace);
    }
}
