//! x86_64: `syscall`, number in rax, arguments in rdi rsi rdx r10 r8 r9.

use core::arch::{asm, global_asm};
use core::mem::MaybeUninit;

/// Type of the one relocation that a program applies to itself: `R_X86_64_RELATIVE` of the processor's ELF supplement.
pub const RELATIVE: u64 = 8;

global_asm!(
    ".section .text.start, \"ax\"",
    ".global _start",
    "_start:",
    "xor ebp, ebp",
    "and rsp, -16",
    "lea rsi, [rip + __image_start]",
    "lea rdx, [rip + __relocations_start]",
    "lea rcx, [rip + __relocations_end]",
    "call {main}",
    "ud2",
    main = sym crate::start::enter,
);

global_asm!(
    ".section .text.start, \"ax\"",
    ".global veridian_thread_entry",
    "veridian_thread_entry:",
    "xor ebp, ebp",
    "and rsp, -16",
    "call {enter}",
    "ud2",
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
            "syscall",
            inlateout("rax") number => r[0],
            inlateout("rdi") a[0] => _,
            inlateout("rsi") a[1] => r[1],
            inlateout("rdx") a[2] => r[2],
            inlateout("r10") a[3] => r[3],
            inlateout("r8") a[4] => r[4],
            inlateout("r9") a[5] => r[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    r
}

/// The thread pointer: address of the thread control word.
#[inline(always)]
pub fn thread_pointer() -> usize {
    let pointer;
    // SAFETY: word 0 behind the FS base is the pointer itself (variant II).
    unsafe {
        asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, readonly, preserves_flags))
    };
    pointer
}

/// Instructions executed by this CPU, when QEMU counts them.
#[inline(always)]
pub fn instructions() -> u64 {
    // SAFETY: the kernel leaves the time-stamp counter readable.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The target's prebuilt libraries expect these of a C library; no other target does.
mod memory {
    use core::arch::asm;

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
        // SAFETY: the caller promises both ranges.
        unsafe {
            asm!("rep movsq", "mov ecx, {tail:e}", "rep movsb", tail = in(reg) length & 7,
                inout("rcx") length / 8 => _, inout("rdi") to => _, inout("rsi") from => _,
                options(nostack, preserves_flags));
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
        // SAFETY: the caller promises both ranges; copying backwards is right where they overlap so.
        unsafe {
            if (to as usize).wrapping_sub(from as usize) >= length {
                return memcpy(to, from, length);
            }
            asm!("std", "rep movsb", "cld", inout("rcx") length => _,
                inout("rdi") to.wrapping_add(length).wrapping_sub(1) => _,
                inout("rsi") from.wrapping_add(length).wrapping_sub(1) => _, options(nostack));
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, value: i32, length: usize) -> *mut u8 {
        let word = (value as u8 as u64).wrapping_mul(0x0101_0101_0101_0101);
        // SAFETY: the caller promises the range.
        unsafe {
            asm!("rep stosq", "mov ecx, {tail:e}", "rep stosb", tail = in(reg) length & 7, in("rax") word,
                inout("rcx") length / 8 => _, inout("rdi") to => _, options(nostack, preserves_flags));
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
        for i in 0..length {
            // SAFETY: the caller promises both ranges; volatile keeps this from becoming a call
            // to itself.
            let (l, r) = unsafe { (left.add(i).read_volatile(), right.add(i).read_volatile()) };
            if l != r {
                return l as i32 - r as i32;
            }
        }
        0
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
        // SAFETY: the caller's promise.
        unsafe { memcmp(left, right, length) }
    }

    /// Named by unwind tables that are never used: programs abort on panic.
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() {}

    /// Called by landing pads of the precompiled library, which nothing ever reaches.
    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Resume() -> ! {
        // SAFETY: traps.
        unsafe { core::arch::asm!("ud2", options(noreturn, nostack)) }
    }
}

/// Whether thread-local data lies below the thread pointer (variant II).
pub const TLS_BELOW: bool = true;
/// Bytes between the thread pointer and thread-local data above it (variant I).
pub const TLS_GAP: usize = 0;
