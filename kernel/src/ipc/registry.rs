//! The registry: names to capabilities, in namespaces that are objects themselves.
//!
//! A namespace keeps what is registered in a capability space of its own. Finding a name derives a
//! child for the finder, with the rights that were registered; revoking what was registered, or its
//! source, takes it away from the namespace and from every finder. A process finds only what its
//! namespace capability leads to.
//!
//! Names are found in O(1).
//! Lock order: the namespace's lock is let go before a capability is touched.

use core::hash::BuildHasherDefault;

use fnv::FnvHasher;
use hashbrown::HashMap;

use crate::cap::{self, Grant, Keep, Kind, Object, Rights, Space, Token, Use};
use crate::lock::{Rank, SpinLock};
use crate::syscall::Done;
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
        space: Keep,
        table: SpinLock<Table>,
    }
}

crate::object_type! {
    Namespace: Kind::Namespace, "namespace";

    fn holds(&self) -> *const Space {
        self.space.as_ptr()
    }
}

impl Namespace {
    /// An empty namespace.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn create() -> Result<Use<Namespace>, Error> {
        let namespace = cap::create(Namespace {
            object: cap::header::<Namespace>(),
            space: Keep::default(),
            table: SpinLock::new(Rank::Registry, Table::default()),
        })?;
        let limit = ENTRIES_MAX as u32;
        namespace.space.fill(&namespace.object, false, limit)?;
        Ok(namespace)
    }

    fn space(&self) -> Result<&Space, Error> {
        self.space.get().ok_or(Error::NotFound)
    }

    /// Enters a capability of `source` under a name, for finders to get with `rights`.
    ///
    /// # Errors
    /// `AlreadyExists`, `SpaceFull`, `OutOfMemory`, and those of granting a capability.
    pub fn register(&self, name: Name, source: &Space, token: Token, rights: Rights) -> Done {
        let grant = Grant {
            rights: rights | Rights::GRANT,
            badge: 0,
        };
        let space = self.space()?;
        let kept = source.delegate(token, space, grant)?;
        self.enter(name, kept, rights).inspect_err(|_| {
            // It may have been revoked already.
            let _ = space.delete(kept);
        })
    }

    fn enter(&self, name: Name, token: Token, rights: Rights) -> Done {
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
        match self.space()?.delegate(token, target, grant) {
            Err(Error::InvalidCapability) => Err(Error::NotFound),
            other => other,
        }
    }

    /// Removes a name.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn unregister(&self, name: Name) -> Done {
        let removed = self.table.lock().remove(&name);
        let (token, _) = removed.ok_or(Error::NotFound)?;
        // It may have been revoked already.
        let _ = self.space()?.delete(token);
        Ok(())
    }
}
