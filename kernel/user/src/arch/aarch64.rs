//! AArch64: `svc #0`, number in x8, arguments in x0 to x5.

use core::arch::{asm, global_asm};
use core::mem::MaybeUninit;

/// Type of the one relocation that a program applies to itself: `R_AARCH64_RELATIVE` of the processor's ELF supplement.
pub const RELATIVE: u64 = 1027;

global_asm!(
    ".section .text.start, \"ax\"",
    ".global _start",
    "_start:",
    "mov x29, xzr",
    "mov x30, xzr",
    "adrp x1, __image_start",
    "add x1, x1, :lo12:__image_start",
    "adrp x2, __relocations_start",
    "add x2, x2, :lo12:__relocations_start",
    "adrp x3, __relocations_end",
    "add x3, x3, :lo12:__relocations_end",
    "bl {main}",
    "udf #0",
    main = sym crate::start::enter,
);

global_asm!(
    ".section .text.start, \"ax\"",
    ".global veridian_thread_entry",
    "veridian_thread_entry:",
    "mov x29, xzr",
    "mov x30, xzr",
    "bl {enter}",
    "udf #0",
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
            "svc #0",
            inlateout("x8") number => _,
            inlateout("x0") a[0] => r[0],
            inlateout("x1") a[1] => r[1],
            inlateout("x2") a[2] => r[2],
            inlateout("x3") a[3] => r[3],
            inlateout("x4") a[4] => r[4],
            inlateout("x5") a[5] => r[5],
            lateout("x6") _, lateout("x7") _, lateout("x9") _, lateout("x10") _, lateout("x11") _,
            lateout("x12") _, lateout("x13") _, lateout("x14") _, lateout("x15") _, lateout("x16") _,
            lateout("x17") _, lateout("x18") _,
            options(nostack),
        );
    }
    r
}

/// The thread pointer: address of the thread control block.
#[inline(always)]
pub fn thread_pointer() -> usize {
    let pointer;
    // SAFETY: reads a register of this thread.
    unsafe {
        asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, nomem, preserves_flags))
    };
    pointer
}

/// Instructions executed by this CPU, when QEMU counts them.
#[inline(always)]
pub fn instructions() -> u64 {
    let count;
    // SAFETY: the kernel leaves the cycle counter readable.
    unsafe { asm!("mrs {}, pmccntr_el0", out(reg) count, options(nostack, preserves_flags)) };
    count
}

/// Whether thread-local data lies below the thread pointer (variant II).
pub const TLS_BELOW: bool = false;
/// Bytes between the thread pointer and thread-local data above it (variant I).
pub const TLS_GAP: usize = 16;
