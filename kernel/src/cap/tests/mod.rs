//! Tests: what the issue asks, one by one (`plain`, `cycles`), on the host and in the kernel on
//! every architecture; random operations against a model (`model`) and several threads at once
//! (`stress`) on the host.
#![cfg_attr(loom, allow(dead_code, unused_imports))]

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicIsize, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use veridian_abi::Error;

use super::*;
use crate::lock::{Rank, SpinLock};

#[cfg(not(loom))]
mod cycles;
#[cfg(all(feature = "ktest", target_os = "none"))]
mod kernel;
#[cfg(all(test, not(loom)))]
mod model;
#[cfg(not(loom))]
mod plain;
#[cfg(all(test, not(loom)))]
mod stress;

/// Registers tests on the host or in the kernel.
#[cfg(not(loom))]
macro_rules! tests {
    ($(fn $name:ident() $body:block)*) => {
        #[cfg(test)]
        mod on_host {
            $(#[test]
            fn $name() {
                super::balanced(super::$name);
            })*
        }
        #[cfg(not(test))]
        mod in_kernel {
            crate::kernel_test! { $(fn $name() { super::balanced(super::$name); })* }
        }
        $(fn $name() $body)*
    };
}
#[cfg(not(loom))]
use tests;

/// Depth and width of large trees.
const MANY: usize = if cfg!(miri) { 400 } else { 100_000 };
/// Length of a chain of objects with a space each.
const CHAIN: usize = match () {
    _ if cfg!(miri) => 100,
    _ if cfg!(test) => 100_000,
    _ => 5_000,
};

/// What runs once at the next preemption point of the test that set it.
struct Hook(Box<dyn FnMut()>);

// SAFETY: one test runs at a time, and a hook runs on the CPU or thread that set it.
unsafe impl Send for Hook {}

static AT_PREEMPTION: SpinLock<Option<Hook>> = SpinLock::new(Rank::Console, None);
static ALLOCATIONS_LEFT: AtomicU64 = AtomicU64::new(u64::MAX);
/// Probes that exist.
static ALIVE: AtomicIsize = AtomicIsize::new(0);

fn alive() -> isize {
    ALIVE.load(Ordering::Relaxed)
}

/// Whether the allocator may answer; counts down towards an injected failure.
pub fn allocation_allowed() -> bool {
    let count_down = |left| match left {
        0 | u64::MAX => Some(left),
        left => Some(left - 1),
    };
    ALLOCATIONS_LEFT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count_down) != Ok(0)
}

fn allow_allocations(count: u64) {
    ALLOCATIONS_LEFT.store(count, Ordering::Relaxed);
}

/// What happens at a preemption point besides.
pub fn preemption_point() {
    let hook = AT_PREEMPTION.lock().take();
    if let Some(mut hook) = hook {
        (hook.0)();
    }
    #[cfg(all(test, not(loom)))]
    stress::quiescent();
}

/// What `sync::barrier` does on the host.
#[cfg(test)]
pub fn barrier() {
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
    bindings: SpinLock<Vec<Binding>>,
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
        let mut bindings = probe.bindings.lock();
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
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    },
    holds: |object| Probe::of(object).ring.load(Ordering::Relaxed),
};

/// A new object, with the use its creator has.
pub fn probe() -> Use<Probe> {
    ALIVE.fetch_add(1, Ordering::Relaxed);
    let probe = Probe {
        header: Object::new(Kind::Test, &PROBE),
        bindings: SpinLock::new(Rank::Channel, Vec::new()),
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
#[cfg(test)]
pub fn alone() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock().unwrap_or_else(|failed| failed.into_inner())
}

/// Runs a test and checks that every object it made is gone afterwards.
pub fn balanced(test: impl FnOnce()) {
    #[cfg(test)]
    let _alone = alone();
    let before = alive();
    test();
    reap();
    assert_eq!(alive(), before, "objects leaked or freed twice");
}

/// An anchored space, as a process has.
pub fn space() -> Box<Space> {
    Space::create(core::ptr::null(), true, DEFAULT_LIMIT).unwrap()
}

/// Whether `token` is a live capability.
pub fn lives(space: &Space, token: Token) -> bool {
    space.lookup(token, Kind::Test, Rights::NONE).is_ok()
}

fn at_next_preemption(hook: impl FnMut() + 'static) {
    *AT_PREEMPTION.lock() = Some(Hook(Box::new(hook)));
}
