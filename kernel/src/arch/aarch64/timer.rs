//! The generic timer: the virtual counter is the clock, its comparator the one-shot timer.

use core::arch::asm;

use super::{machine, read_register, write_register};

const ENABLE: u64 = 1;

/// Rate of the counter in Hz.
pub fn counter_hz() -> u64 {
    read_register!("cntfrq_el0")
}

/// The virtual counter, not read before what comes earlier in the program.
#[inline]
pub fn counter() -> u64 {
    let value;
    // SAFETY: reads the counter.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) value, options(nostack, preserves_flags)) };
    value
}

/// Sets this CPU's timer up, disarmed.
pub fn init_cpu() {
    disarm();
    super::ipi::unmask(machine::devices().timer_interrupt);
}

/// Arms this CPU's timer for `left` ticks after `counter`.
pub fn arm_ticks(counter: u64, left: u64) {
    // SAFETY: programs this CPU's own timer.
    unsafe {
        write_register!("cntv_cval_el0", counter + left);
        write_register!("cntv_ctl_el0", ENABLE, isb);
    }
}

/// Takes the deadline back.
pub fn disarm() {
    // SAFETY: programs this CPU's own timer.
    unsafe { write_register!("cntv_ctl_el0", 0, isb) };
}
