//! The atomics of this subsystem, and what it needs of its surroundings: memory, the barrier that
//! ends a grace period, preemption points. In a model-checking build (`--cfg loom`) the atomics
//! and locks are loom's.

use core::alloc::Layout;
use core::ptr::NonNull;

#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(loom)]
pub use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

#[cfg(loom)]
pub use super::loom_tests::{Guard, SpinLock};
#[cfg(not(loom))]
pub use crate::lock::{Guard, SpinLock};

/// How far a bounded step got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Nothing is left to do.
    Done,
    /// The budget was used up; call again.
    More,
}

/// Zeroed memory for a `T`, or nothing if there is none.
pub fn allocate(layout: Layout) -> Option<NonNull<u8>> {
    #[cfg(any(test, feature = "ktest"))]
    if !super::tests::allocation_allowed() {
        return None;
    }
    // SAFETY: no caller asks for an empty layout.
    NonNull::new(unsafe { alloc::alloc::alloc_zeroed(layout) })
}

/// Gives back what `allocate` returned for `layout`.
///
/// # Safety
/// `memory` came from `allocate(layout)`, and nobody uses it any more.
pub unsafe fn free(memory: NonNull<u8>, layout: Layout) {
    // SAFETY: the caller vouches for pointer and layout.
    unsafe { alloc::alloc::dealloc(memory.as_ptr(), layout) }
}

/// Returns when every operation that other CPUs had begun in the kernel has ended or reached a
/// point where it holds nothing it looked up before. The caller holds no lock, and itself nothing
/// that it looked up: while it waits it counts as quiescent for the barriers of others.
pub fn barrier() {
    #[cfg(target_os = "none")]
    crate::sched::smp::barrier();
    #[cfg(test)]
    super::tests::barrier();
}

/// Lets pending interrupts in. Callers hold no lock and look up again whatever they go on with.
pub fn preemption_point() {
    #[cfg(target_os = "none")]
    crate::sched::preemption_point();
    #[cfg(any(test, feature = "ktest"))]
    super::tests::preemption_point();
}
