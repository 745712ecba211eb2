//! The registry: names to capabilities, in namespaces that are objects themselves.
//!
//! A namespace keeps what is registered in a capability space of its own. Finding a name derives a
//! child for the finder, with the rights that were registered; revoking what was registered, or its
//! source, takes it away from the namespace and from every finder. A process finds only what its
//! namespace capability leads to.
//!
//! Names are found in O(1).
//! Lock order: the namespace's lock is let go before a capability is touched.

use alloc::boxed::Box;
use core::hash::BuildHasherDefault;
use core::ptr::NonNull;

use fnv::FnvHasher;
use hashbrown::HashMap;

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

type Table = HashMap<Name, (Token, Rights), BuildHasherDefault<FnvHasher>>;

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
                table: SpinLock::new(Rank::Registry, Table::with_hasher(<_>::default())),
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
        let entered = self.enter(name, kept, rights);
        if entered.is_err() {
            // It may have been revoked already.
            let _ = self.space().delete(kept);
        }
        entered
    }

    fn enter(&self, name: Name, token: Token, rights: Rights) -> Result<(), Error> {
        let mut table = self.table.lock();
        if table.contains_key(&name) {
            return Err(Error::AlreadyExists);
        }
        if table.len() >= ENTRIES_MAX {
            return Err(Error::SpaceFull);
        }
        table.try_reserve(1).map_err(|_| Error::OutOfMemory)?;
        table.insert(name, (token, rights));
        Ok(())
    }

    /// Derives what a name stands for into `target`.
    ///
    /// # Errors
    /// `NotFound` if there is no such name, or what it stood for was revoked.
    pub fn find(&self, name: Name, target: &Space) -> Result<Token, Error> {
        let found = self.table.lock().get(&name).copied();
        let (token, rights) = found.ok_or(Error::NotFound)?;
        let grant = Grant { rights, badge: 0 };
        match self.space().delegate(token, target, grant) {
            Err(Error::InvalidCapability) => Err(Error::NotFound),
            other => other,
        }
    }

    /// Removes a name.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn unregister(&self, name: Name) -> Result<(), Error> {
        let removed = self.table.lock().remove(&name);
        let (token, _) = removed.ok_or(Error::NotFound)?;
        // It may have been revoked already.
        let _ = self.space().delete(token);
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
