//! The clock and the one-shot timer of each CPU.
//!
//! All CPUs see the same counter; nanoseconds come from it by one multiplication with a 32.32
//! fixed-point factor. A deadline becomes a number of ticks from now, rounded up, so that the
//! timer is never early and its error does not grow with the time since boot.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub use super::chosen::timer::*;

/// Nanoseconds per tick, rounded down, and ticks per nanosecond, rounded up: 32.32.
static NS_PER_TICK: AtomicU64 = AtomicU64::new(0);
static TICKS_PER_NS: AtomicU64 = AtomicU64::new(0);
/// The counter when time began.
static START: AtomicU64 = AtomicU64::new(0);

/// `value` times a 32.32 factor.
#[inline]
pub(super) fn scale(value: u64, factor: u64) -> u64 {
    (u128::from(value) * u128::from(factor) >> 32) as u64
}

/// Finds out how fast the counter runs, and starts the clock at zero.
pub fn init_boot() {
    let tick = (1_000_000_000 << 32) / u128::from(counter_hz().max(1));
    NS_PER_TICK.store(tick as u64, Relaxed);
    TICKS_PER_NS.store((1u128 << 64).div_ceil(tick) as u64, Relaxed);
    START.store(counter(), Relaxed);
}

/// Nanoseconds since boot, the same on all CPUs, never going backwards.
#[inline]
pub fn now() -> u64 {
    nanoseconds(counter())
}

#[inline]
fn nanoseconds(counter: u64) -> u64 {
    let passed = counter.saturating_sub(START.load(Relaxed));
    scale(passed, NS_PER_TICK.load(Relaxed))
}

/// Nanoseconds per tick of the counter, 32.32.
#[cfg(feature = "ktest")]
pub fn tick() -> u64 {
    NS_PER_TICK.load(Relaxed)
}

/// Has `Interrupt::Timer` come to this CPU when `now` reaches `deadline`, or at once if that has
/// passed. Replaces an earlier deadline.
pub fn arm(deadline: u64) {
    let counter = counter();
    // Two years are as good as for ever, and no product of them overflows.
    let left = deadline.saturating_sub(nanoseconds(counter)).min(1 << 56);
    arm_ticks(counter, scale(left, TICKS_PER_NS.load(Relaxed)) + 1);
}
