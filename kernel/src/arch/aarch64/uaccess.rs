//! The instructions that touch user memory.
//!
//! Copies use the unprivileged loads and stores, which check the address as
//! user code's own access would, whatever PAN says: the kernel's addresses are
//! as unreachable as for the user. The compare-and-exchange has no unprivileged
//! form and needs PAN opened around it.

use core::arch::global_asm;

use super::cpu;

global_asm!(
    r#"
.section .text.uaccess, "ax"
.global uaccess_start, uaccess_failed, uaccess_read, uaccess_write, uaccess_load, uaccess_exchange, semihosting_call
.balign 64
uaccess_start:
// x0 = to, x1 = from, x2 = length; returns 0 or 1
.macro copy name, load, store, load_byte, store_byte
\name:
    subs  x2, x2, #8
    b.lo  2f
1:  \load
    \store
    subs  x2, x2, #8
    b.hs  1b
2:  adds  x2, x2, #8
    b.eq  4f
3:  \load_byte
    \store_byte
    subs  x2, x2, #1
    b.ne  3b
4:  mov   x0, xzr
    ret
.endm
    copy  uaccess_read, "ldtr x3, [x1]; add x1, x1, #8", "str x3, [x0], #8", "ldtrb w3, [x1]; add x1, x1, #1", "strb w3, [x0], #1"
    copy  uaccess_write, "ldr x3, [x1], #8", "sttr x3, [x0]; add x0, x0, #8", "ldrb w3, [x1], #1", "sttrb w3, [x0]; add x0, x0, #1"
// x0 = word (user), x1 = where the value goes; returns 0 or 1
uaccess_load:
    ldtr  w2, [x0]
    str   w2, [x1]
    mov   x0, xzr
    ret
// x0 = word (user), w1 = expected, w2 = new, x3 = where the old value goes; returns 0 or 1
uaccess_exchange:
1:  ldaxr w4, [x0]
    cmp   w4, w1
    b.ne  2f
    stlxr w5, w2, [x0]
    cbnz  w5, 1b
    b     3f
2:  clrex
3:  str   w4, [x3]
    mov   x0, xzr
    ret
// x0 = operation, x1 = argument; returns only if there is no semihosting
semihosting_call:
    hlt   #0xf000
uaccess_failed:
    mov   x0, #1
    ret
"#
);

/// Loads and stores act with the user's rights.
pub const UNPRIVILEGED: bool = true;

/// Lets kernel code touch user memory.
#[inline]
pub fn open() {
    cpu::write_pan(false);
}

/// Forbids kernel code to touch user memory.
#[inline]
pub fn close() {
    cpu::write_pan(true);
}
