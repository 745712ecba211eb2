//! The harts' clock and one-shot timer.
//!
//! `time` counts at the rate that the device tree states and is the same on all
//! harts. Deadlines go to `stimecmp` where the hart and the firmware allow it
//! (Sstc), else through the firmware.

use core::arch::asm;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static FREQUENCY: AtomicU64 = AtomicU64::new(1);
static STIMECMP: AtomicBool = AtomicBool::new(false);

/// Takes the clock's rate and finds out how to set deadlines.
pub(super) fn detect(frequency: u64) {
    FREQUENCY.store(frequency, Ordering::Relaxed);
    STIMECMP.store(stimecmp_works(), Ordering::Relaxed);
}

/// Rate of the counter in Hz.
pub fn counter_hz() -> u64 {
    FREQUENCY.load(Ordering::Relaxed)
}

/// Nothing is armed on this CPU yet.
pub fn init_cpu() {
    disarm();
}

/// Whether deadlines go to the hart directly.
pub fn has_stimecmp() -> bool {
    STIMECMP.load(Ordering::Relaxed)
}

/// Tries to read `stimecmp` with traps led around the instruction: the device tree may name the
/// extension while the firmware does not enable it.
fn stimecmp_works() -> bool {
    let works: u64;
    // SAFETY: interrupts are off, so the only trap is that of the probe; the trap vector is
    // restored, and so is the status register, which a trap changes.
    unsafe {
        asm!(
            "  csrr {status}, sstatus",
            "  lla  {label}, 2f",
            "  csrrw {vector}, stvec, {label}",
            "  li   {works}, 0",
            "  csrr zero, 0x14d",
            "  li   {works}, 1",
            ".balign 4",
            "2: csrw stvec, {vector}",
            "  csrw sstatus, {status}",
            status = out(reg) _, label = out(reg) _, vector = out(reg) _, works = out(reg) works,
            options(nostack)
        );
    }
    works != 0
}

/// The hart's counter.
#[inline]
pub fn counter() -> u64 {
    let value;
    // SAFETY: reads a counter.
    unsafe { asm!("csrr {}, time", out(reg) value, options(nostack)) };
    value
}

/// Arms this CPU's timer for `left` ticks after `counter`.
pub fn arm_ticks(counter: u64, left: u64) {
    set(counter + left);
}

/// No timer interrupt any more; a pending one is withdrawn.
pub fn disarm() {
    set(u64::MAX);
}

fn set(ticks: u64) {
    if has_stimecmp() {
        // SAFETY: `stimecmp_works` found the register.
        unsafe { asm!("csrw 0x14d, {}", in(reg) ticks, options(nostack)) };
    } else {
        // Every firmware with a timer extension accepts every value.
        sbi_rt::set_timer(ticks);
    }
}
