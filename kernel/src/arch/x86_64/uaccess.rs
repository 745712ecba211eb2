//! The instructions that touch user memory, with SMAP opened around them where the CPU has it.

use core::arch::{asm, global_asm};

use super::cpu::{self, Features};

global_asm!(
    r#"
.section .text
.global uaccess_start, uaccess_failed, uaccess_read, uaccess_write, uaccess_load, uaccess_exchange
uaccess_start:
// (to, from, length) -> 0 or 1
uaccess_read:
uaccess_write:
    mov rcx, rdx
    shr rcx, 3
    rep movsq
    mov ecx, edx
    and ecx, 7
    rep movsb
    xor eax, eax
    ret
// (address, out) -> 0 or 1
uaccess_load:
    mov ecx, [rdi]
    mov [rsi], ecx
    xor eax, eax
    ret
// (address, expected, new, out) -> 0 or 1
uaccess_exchange:
    mov eax, esi
    lock cmpxchg [rdi], edx
    mov [rcx], eax
    xor eax, eax
    ret
uaccess_failed:
    mov eax, 1
    ret
"#
);

/// Loads and stores of the kernel act with the kernel's rights.
pub const UNPRIVILEGED: bool = false;

/// Lets kernel code touch user memory.
#[inline(always)]
pub fn open() {
    if cpu::has(Features::SMAP) {
        // SAFETY: sets the flag that permits user accesses; `close` follows.
        unsafe { asm!("stac", options(nomem, nostack)) }
    }
}

/// Forbids kernel code to touch user memory. User code may set AC itself, so entries begin so.
#[inline(always)]
pub fn close() {
    if cpu::has(Features::SMAP) {
        // SAFETY: clears the flag that permits user accesses.
        unsafe { asm!("clac", options(nomem, nostack)) }
    }
}
