//! Allocation failure on request, for tests that walk every allocation site. It concerns the CPU that
//! asked.
//!
//! Only test kernels (feature `checks`) and host tests have it; elsewhere `refuse` is constant.

#[cfg(any(test, feature = "checks"))]
use core::sync::atomic::{AtomicU64, Ordering};

#[cfg(any(test, feature = "checks"))]
static COUNTDOWN: AtomicU64 = AtomicU64::new(0);
#[cfg(any(test, feature = "checks"))]
static SEEN: AtomicU64 = AtomicU64::new(0);

#[cfg(any(test, feature = "checks"))]
static CPU: AtomicU64 = AtomicU64::new(0);

/// Makes the `n`-th allocation from now on fail, once; 0 switches injection off. Returns how many
/// allocations there were since the last call.
#[cfg(any(test, feature = "checks"))]
pub fn fail_nth(n: u64) -> u64 {
    CPU.store(crate::arch::cpu::current().bit(), Ordering::SeqCst);
    COUNTDOWN.store(n, Ordering::SeqCst);
    SEEN.swap(0, Ordering::SeqCst)
}

/// Whether the allocation that asks must fail.
#[cfg(any(test, feature = "checks"))]
pub(super) fn refuse() -> bool {
    if CPU.load(Ordering::Relaxed) != crate::arch::cpu::current().bit() {
        return false;
    }
    SEEN.fetch_add(1, Ordering::Relaxed);
    COUNTDOWN.load(Ordering::Relaxed) != 0 && COUNTDOWN.fetch_sub(1, Ordering::SeqCst) == 1
}

/// Whether the allocation that asks must fail: never.
#[cfg(not(any(test, feature = "checks")))]
#[inline(always)]
pub(super) fn refuse() -> bool {
    false
}
