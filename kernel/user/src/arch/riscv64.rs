//! RISC-V: `ecall`, number in a7, arguments in a0 to a5.

use core::arch::{asm, global_asm};
use core::mem::MaybeUninit;

/// Type of the one relocation that a program applies to itself: `R_RISCV_RELATIVE` of the processor's ELF supplement.
pub const RELATIVE: u64 = 3;

global_asm!(
    ".section .text.start, \"ax\"",
    ".global _start",
    "_start:",
    ".option push",
    ".option norelax",
    "lla gp, __global_pointer$",
    ".option pop",
    "li s0, 0",
    "li ra, 0",
    "lla a1, __image_start",
    "lla a2, __relocations_start",
    "lla a3, __relocations_end",
    "call {main}",
    "unimp",
    main = sym crate::start::enter,
);

global_asm!(
    ".section .text.start, \"ax\"",
    ".global veridian_thread_entry",
    "veridian_thread_entry:",
    "li s0, 0",
    "li ra, 0",
    "call {enter}",
    "unimp",
    enter = sym crate::thread::enter,
);

unsafe extern "C" {
    static veridian_thread_entry: u8;
}

/// Address at which a new thread begins, with its argument in the first argument register.
pub fn thread_entry() -> u64 {
    (&raw const veridian_thread_entry).addr() as u64
}

/// Enters the kernel. Arguments that a call does not have cost no instruction. Results: status,
/// value, words 0 to 3.
#[inline(always)]
pub fn system_call(number: u64, a: [MaybeUninit<u64>; 6]) -> [u64; 6] {
    let mut r = [0; 6];
    // SAFETY: the kernel preserves what this block does not name; what it does to memory is
    // checked against the caller's own address space.
    unsafe {
        asm!(
            "ecall",
            inlateout("a7") number => _,
            inlateout("a0") a[0] => r[0],
            inlateout("a1") a[1] => r[1],
            inlateout("a2") a[2] => r[2],
            inlateout("a3") a[3] => r[3],
            inlateout("a4") a[4] => r[4],
            inlateout("a5") a[5] => r[5],
            lateout("a6") _, lateout("t0") _, lateout("t1") _, lateout("t2") _, lateout("t3") _,
            lateout("t4") _, lateout("t5") _, lateout("t6") _,
            options(nostack),
        );
    }
    r
}

/// The thread pointer: where thread-local data begins.
#[inline(always)]
pub fn thread_pointer() -> usize {
    let pointer;
    // SAFETY: reads a register of this thread.
    unsafe { asm!("mv {}, tp", out(reg) pointer, options(nostack, nomem, preserves_flags)) };
    pointer
}

/// Instructions executed by this CPU.
#[inline(always)]
pub fn instructions() -> u64 {
    let count;
    // SAFETY: the kernel leaves the counter readable.
    unsafe { asm!("rdinstret {}", out(reg) count, options(nostack, preserves_flags)) };
    count
}

/// Whether thread-local data lies below the thread pointer (variant II).
pub const TLS_BELOW: bool = false;
/// Bytes between the thread pointer and thread-local data above it (variant I).
pub const TLS_GAP: usize = 0;
