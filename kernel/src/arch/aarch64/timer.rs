//! The generic timer: the virtual counter is the clock, its comparator the one-shot timer.
//!
//! All CPUs see the same counter. Nanoseconds come from it by one
//! multiplication with a 32.32 fixed-point factor.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use super::{machine, read_register, write_register};

/// Nanoseconds per tick, shifted left by 32.
static TICK: AtomicU64 = AtomicU64::new(0);
/// Counter value at boot.
static START: AtomicU64 = AtomicU64::new(0);

const ENABLE: u64 = 1;

/// Finds out how fast the counter runs, and starts the clock at zero.
pub fn init_boot() {
    let frequency = read_register!("cntfrq_el0").max(1);
    TICK.store(
        ((1_000_000_000u128 << 32) / u128::from(frequency)) as u64,
        Ordering::Relaxed,
    );
    START.store(counter(), Ordering::Relaxed);
}

/// Sets this CPU's timer up, disarmed.
pub fn init_cpu() {
    disarm();
    super::ipi::unmask(machine::devices().timer_interrupt);
}

#[inline]
fn counter() -> u64 {
    let value;
    // SAFETY: reads the counter, not before what comes earlier in the program.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) value, options(nostack, preserves_flags)) };
    value
}

/// Nanoseconds since boot, the same on all CPUs, never going backwards.
#[inline]
pub fn now() -> u64 {
    let ticks = counter().wrapping_sub(START.load(Ordering::Relaxed));
    ((u128::from(ticks) * u128::from(TICK.load(Ordering::Relaxed))) >> 32) as u64
}

/// Has `Interrupt::Timer` come at `deadline`, or at once if that has passed.
pub fn arm(deadline: u64) {
    let tick = TICK.load(Ordering::Relaxed).max(1);
    // Rounded up: never early.
    let ticks =
        ((u128::from(deadline) << 32).div_ceil(u128::from(tick))).min(u128::from(u64::MAX >> 1));
    // SAFETY: programs this CPU's own timer.
    unsafe {
        write_register!(
            "cntv_cval_el0",
            START.load(Ordering::Relaxed).saturating_add(ticks as u64)
        );
        write_register!("cntv_ctl_el0", ENABLE);
        asm!("isb", options(nostack, preserves_flags));
    }
}

/// Takes the deadline back.
pub fn disarm() {
    // SAFETY: programs this CPU's own timer.
    unsafe {
        write_register!("cntv_ctl_el0", 0);
        asm!("isb", options(nostack, preserves_flags));
    }
}
