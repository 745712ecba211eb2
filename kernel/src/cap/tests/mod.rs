//! Host tests: what the issue asks, one by one (`plain`, `cycles`); random operations against a
//! model (`model`); several threads at once (`stress`).
#![cfg_attr(loom, allow(dead_code, unused_imports))]

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use veridian_abi::Error;

use super::*;

#[cfg(not(loom))]
mod cycles;
#[cfg(not(loom))]
mod model;
#[cfg(not(loom))]
mod plain;
#[cfg(not(loom))]
mod stress;

type Hook = Option<Box<dyn FnMut()>>;

std::thread_local! {
    static ALLOCATIONS_LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    /// Runs once at the next preemption point.
    static AT_PREEMPTION: RefCell<Hook> = const { RefCell::new(None) };
    /// Objects of this thread's tests that exist.
    static ALIVE: Cell<isize> = const { Cell::new(0) };
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

/// What `sync::preemption_point` does here.
pub fn host_preemption_point() {
    let hook = AT_PREEMPTION.take();
    if let Some(mut hook) = hook {
        hook();
    }
    #[cfg(not(loom))]
    stress::quiescent();
}

/// What `sync::barrier` does here.
pub fn host_barrier() {
    #[cfg(not(loom))]
    stress::barrier();
}

/// Everything the source allows, with its badge.
pub const ALL: Grant = Grant {
    rights: Rights::all(),
    badge: 0,
};

/// An object that remembers what is done through its capabilities, and may have a ring.
#[repr(C)]
pub struct Probe {
    header: Object,
    bindings: Mutex<Vec<Binding>>,
    swept: AtomicUsize,
    ring: AtomicPtr<Space>,
}

// SAFETY: `repr(C)`, header first, and only probes are of kind `Test`.
unsafe impl Typed for Probe {
    const KIND: Kind = Kind::Test;
}

static PROBE: ObjectOps = ObjectOps {
    sweep: |object| {
        let probe = Probe::of(object);
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
        let probe = unsafe { Box::from_raw(object.as_ptr().cast::<Probe>()) };
        if let Some(ring) = NonNull::new(probe.ring.load(Ordering::Relaxed)) {
            // SAFETY: a ring is boxed by `ring` and belongs to its probe.
            let ring = unsafe { Box::from_raw(ring.as_ptr()) };
            ring.close();
        }
        ALIVE.set(ALIVE.get() - 1);
    },
    holds: |object| Probe::of(object).ring.load(Ordering::Relaxed),
};

/// A new object, with the use its creator has.
pub fn probe() -> Use<Probe> {
    ALIVE.set(ALIVE.get() + 1);
    let probe = Probe {
        header: Object::new(Kind::Test, &PROBE),
        bindings: Mutex::default(),
        swept: AtomicUsize::new(0),
        ring: AtomicPtr::default(),
    };
    // SAFETY: the box gives up its object with the creator's use.
    unsafe { Use::from_raw(NonNull::new(Box::into_raw(Box::new(probe))).unwrap()) }
}

impl Probe {
    fn of(object: &Object) -> &Probe {
        // SAFETY: the callers' objects are probes.
        unsafe { &*(object as *const Object).cast() }
    }

    /// The header.
    pub fn object(&self) -> &Object {
        &self.header
    }

    /// The space of the object's ring.
    pub fn ring(&self) -> &Space {
        if self.ring.load(Ordering::Relaxed).is_null() {
            let ring = Space::create(&self.header, false, DEFAULT_LIMIT).unwrap();
            self.ring.store(Box::into_raw(ring), Ordering::Relaxed);
        }
        // SAFETY: set above or before; it lives as long as the probe.
        unsafe { &*self.ring.load(Ordering::Relaxed) }
    }
}

/// The list of the dead belongs to everybody, so tests that count take turns.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|failed| failed.into_inner())
}

/// Runs a test and checks that every object it made is gone afterwards.
pub fn balanced(test: impl FnOnce()) {
    let _alone = alone();
    let before = ALIVE.get();
    test();
    reap();
    assert_eq!(ALIVE.get(), before, "objects leaked or freed twice");
}

/// An anchored space, as a process has.
pub fn space() -> Box<Space> {
    Space::create(std::ptr::null(), true, DEFAULT_LIMIT).unwrap()
}

/// Whether `token` is a live capability.
pub fn lives(space: &Space, token: Token) -> bool {
    space.lookup(token, Kind::Test, Rights::NONE).is_ok()
}

fn at_next_preemption(hook: impl FnMut() + 'static) {
    AT_PREEMPTION.set(Some(Box::new(hook)));
}
