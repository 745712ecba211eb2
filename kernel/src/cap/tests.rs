//! Host tests: one by one what the issue asks, then random operations against a model.

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use veridian_abi::Error;

use super::*;

std::thread_local! {
    static ALLOCATIONS_LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    /// Objects of this thread's tests that exist.
    static ALIVE: Cell<usize> = const { Cell::new(0) };
}

/// Whether the allocator may answer; counts down towards an injected failure.
pub fn allocation_allowed() -> bool {
    ALLOCATIONS_LEFT.with(|left| match left.get() {
        0 => false,
        u64::MAX => true,
        n => {
            left.set(n - 1);
            true
        }
    })
}

/// What `sync::barrier` does here.
pub fn host_barrier() {}

pub const ALL: Grant = Grant {
    rights: Rights::all(),
    badge: 0,
};

/// An object that remembers what is done through its capabilities and that it was destroyed.
#[repr(C)]
pub struct Probe {
    header: Object,
    bindings: Mutex<Vec<Binding>>,
    swept: AtomicUsize,
}

// SAFETY: `repr(C)`, header first, and only probes are of kind `Test`.
unsafe impl Typed for Probe {
    const KIND: Kind = Kind::Test;
}

static PROBE: ObjectOps = ObjectOps {
    sweep: |object| {
        // SAFETY: these operations belong to probes alone.
        let probe = unsafe { &*(object as *const Object).cast::<Probe>() };
        let mut bindings = probe.bindings.lock().unwrap();
        let before = bindings.len();
        bindings.retain(Binding::is_live);
        probe
            .swept
            .fetch_add(before - bindings.len(), Ordering::Relaxed);
        Progress::Done
    },
    destroy: |object| {
        // SAFETY: a probe was boxed by `probe`, and nobody uses it any more.
        drop(unsafe { Box::from_raw(object.as_ptr().cast::<Probe>()) });
        ALIVE.set(ALIVE.get() - 1);
    },
    holds: |_| std::ptr::null(),
};

/// A new object, with the use its creator has.
pub fn probe() -> Use<Probe> {
    ALIVE.set(ALIVE.get() + 1);
    let header = Object::new(Kind::Test, &PROBE);
    let probe = Probe {
        header,
        bindings: Mutex::default(),
        swept: AtomicUsize::new(0),
    };
    // SAFETY: the box gives up its object with the creator's use.
    unsafe { Use::from_raw(NonNull::new(Box::into_raw(Box::new(probe))).unwrap()) }
}

impl Probe {
    pub fn object(&self) -> &Object {
        &self.header
    }
}

#[cfg(not(loom))]
mod plain {
    use super::*;

    fn space() -> Box<Space> {
        Space::create(std::ptr::null(), true, DEFAULT_LIMIT).unwrap()
    }

    #[test]
    fn a_token_names_what_was_inserted() {
        let (space, object) = (space(), probe());
        let token = space.insert_root(object.object(), Rights::READ, 7).unwrap();
        assert_eq!(token, Token::new(1, 1));
        let found = space.lookup(token, Kind::Test, Rights::READ).unwrap();
        assert_eq!((found.badge, found.rights), (7, Rights::READ));
        assert!(std::ptr::eq(found.typed::<Probe>(), &*object));
        assert_eq!(
            space.lookup(token, Kind::Test, Rights::WRITE).err(),
            Some(Error::MissingRight)
        );
        assert_eq!(
            space.lookup(token, Kind::Memory, Rights::READ).err(),
            Some(Error::WrongType)
        );
        space.close();
    }
}
