//! The instructions that touch user memory, which is closed to the kernel (`sstatus.SUM`) except
//! around them.

use super::sstatus;
use core::arch::{asm, global_asm};

global_asm!(
    r#"
.option push
.option arch, +a
// Copies while `step` bytes are left.
.macro copy step, load, store, at:vararg
    li   t5, \step
8:  bltu a2, t5, 9f
    .irp n, \at
    \load  t0, \n(a1)
    \store t0, \n(a0)
    .endr
    addi a1, a1, \step
    addi a0, a0, \step
    addi a2, a2, -\step
    j    8b
9:
.endm

.balign 4
.global uaccess_start, uaccess_read, uaccess_write, uaccess_load, uaccess_exchange, uaccess_failed
uaccess_start:
// a0 = to, a1 = from, a2 = length
uaccess_read:
uaccess_write:
    or   t0, a0, a1
    andi t0, t0, 7
    bnez t0, 1f
    copy 32, ld, sd, 0, 8, 16, 24
    copy 8, ld, sd, 0
1:  copy 1, lbu, sb, 0
2:  li   a0, 0
    ret
// a0 = address, a1 = where its word goes
uaccess_load:
    lw   t0, 0(a0)
    sw   t0, 0(a1)
    j    2b
// a0 = address, a1 = expected, a2 = new, a3 = where the word that was there goes
uaccess_exchange:
    sext.w a1, a1
3:  lr.w.aqrl t0, (a0)
    bne  t0, a1, 4f
    sc.w.rl t1, a2, (a0)
    bnez t1, 3b
4:  sw   t0, 0(a3)
    j    2b
uaccess_failed:
    li   a0, 1
    ret
.option pop
"#
);

/// Loads and stores of the kernel act with the kernel's rights.
pub const UNPRIVILEGED: bool = false;

/// Lets kernel code touch user memory.
#[inline]
pub fn open() {
    // SAFETY: `close` follows.
    unsafe { asm!("csrs sstatus, {}", in(reg) sstatus::SUM, options(nostack)) };
}

/// Forbids kernel code to touch user memory.
#[inline]
pub fn close() {
    // SAFETY: less is possible after it.
    unsafe { asm!("csrc sstatus, {}", in(reg) sstatus::SUM, options(nostack)) };
}
