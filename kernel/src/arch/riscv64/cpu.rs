//! The hart itself: identity, interrupts, control registers, counters.

use super::{machine, paging, sstatus, timer};
use crate::percpu::{self, PerCpu};
use core::arch::asm;

/// Name of the architecture.
pub const NAME: &str = "riscv64";

/// What an ELF file calls the architecture.
pub const ELF_MACHINE: u16 = 243;

/// Where a frame's pair (caller's frame pointer, return address) is, from the frame pointer.
pub const FRAME_RECORD: i64 = -16;

/// Interrupt sources in `sie`: software, timer, external.
const SOURCES: u64 = 1 << 1 | 1 << 5 | 1 << 9;

/// This CPU's record.
#[inline(always)]
pub fn current() -> &'static PerCpu {
    let cpu: *const PerCpu;
    // SAFETY: reads a register. The value does not change while kernel code runs on a hart.
    unsafe { asm!("mv {}, tp", out(reg) cpu, options(pure, nomem, nostack, preserves_flags)) };
    // SAFETY: from the first Rust instruction on, tp points to this hart's static record
    // whenever the kernel runs.
    unsafe { &*cpu }
}

/// Makes `cpu` the record of this hart.
///
/// # Safety
/// The record must be this hart's own, and nothing may still refer to another one as current.
pub unsafe fn set_current(cpu: &'static PerCpu) {
    // SAFETY: tp is the kernel's to use; the caller vouches for the record.
    unsafe { asm!("mv tp, {}", in(reg) core::ptr::from_ref(cpu), options(nostack)) };
}

/// Takes interrupts from here on.
pub fn interrupts_enable() {
    // SAFETY: the trap entry is installed before any kernel code enables interrupts.
    unsafe { asm!("csrsi sstatus, {}", const sstatus::SIE, options(nostack)) };
}

/// Takes no interrupts from here on.
#[inline]
pub fn interrupts_disable() {
    // SAFETY: masks interrupts, which is always allowed.
    unsafe { asm!("csrci sstatus, {}", const sstatus::SIE, options(nostack)) };
}

/// Whether interrupts are taken.
#[inline]
pub fn interrupts_enabled() -> bool {
    read_sstatus() & sstatus::SIE != 0
}

/// The status register.
#[inline]
pub(super) fn read_sstatus() -> u64 {
    let value;
    // SAFETY: reads a control register.
    unsafe { asm!("csrr {}, sstatus", out(reg) value, options(nomem, nostack)) };
    value
}

/// Sleeps until an interrupt is pending, takes it, and returns with interrupts off.
pub fn wait_for_interrupt() {
    // SAFETY: wfi ends when an enabled source is pending even while interrupts are off, so none
    // that comes before it is slept through; it is taken in the window behind.
    unsafe { asm!("wfi; csrsi sstatus, 2; csrci sstatus, 2", options(nostack)) };
}

/// Stops until an interrupt that may be never.
#[inline]
pub fn halt() {
    // SAFETY: waits.
    unsafe { asm!("wfi", options(nomem, nostack)) };
}

/// Tells the hart that this is a waiting loop.
pub use core::hint::spin_loop as relax;

/// The hart's number, which only the firmware knows.
pub fn hardware_id(from_entry: u64) -> u64 {
    from_entry
}

/// Prepares this hart for the kernel and its programs.
pub fn init_cpu() {
    // SAFETY: lets programs read cycle, time and instret, and opens the interrupt sources, which
    // stay masked by sstatus.SIE; user memory and the FPU are closed since `boot`.
    unsafe {
        asm!("csrw scounteren, {}", "csrw sie, {}", in(reg) 7, in(reg) SOURCES, options(nostack));
    }
}

/// What this hart can do, by name.
pub fn features() -> impl Iterator<Item = &'static str> {
    let clock = timer::has_stimecmp().then_some("sstc");
    core::iter::once(machine::found().isa).chain(clock)
}

/// Instructions that this hart has executed.
#[cfg(feature = "ktest")]
#[inline(always)]
pub fn instructions() -> u64 {
    let value;
    // SAFETY: reads a counter; not pure, so that reads stay where they are written.
    unsafe { asm!("csrr {}, instret", out(reg) value, options(nostack)) };
    value
}

/// Zeroes a page.
///
/// # Safety
/// `page` is a whole page of memory that the caller owns.
#[inline]
pub unsafe fn clear_page(page: *mut u8) {
    // SAFETY: stores to the caller's page only: 16 times 32 words.
    unsafe {
        asm!(
            "2:",
            ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
            "sd   zero, 8 * \\n({at})",
            ".endr",
            "addi {at}, {at}, 256",
            "bne  {at}, {end}, 2b",
            at = inout(reg) page => _,
            end = in(reg) page.add(4096),
            options(nostack)
        )
    }
}

/// The frame pointer of the calling function's frame.
#[inline(always)]
pub fn frame_pointer() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mv {}, s0", out(reg) value, options(nomem, nostack)) };
    value
}

/// Makes new code at `[_address, _address + _length)` visible to instruction fetch on every
/// CPU. The hart's fence has no range.
pub fn sync_instruction_cache(_address: u64, _length: usize) {
    // SAFETY: orders this hart's stores before its later fetches.
    unsafe { asm!("fence.i", options(nostack)) };
    let others = percpu::online_mask() & !current().bit();
    paging::remote_fence(others, sbi_rt::remote_fence_i);
}
