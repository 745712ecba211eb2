//! The instructions that touch user memory, which is closed to the kernel (`sstatus.SUM`) except
//! around them.

use super::sstatus;
use core::arch::{asm, global_asm};

global_asm!(
    ".option push",
    ".option arch, +a",
    ".balign 4",
    ".global uaccess_start, uaccess_read, uaccess_write, uaccess_load, uaccess_exchange, uaccess_failed",
    "uaccess_start:",
    // a0 = to, a1 = from, a2 = length: 32 bytes at a time, then 8, then single ones.
    "uaccess_read:",
    "uaccess_write:",
    "  or   t0, a0, a1",
    "  andi t0, t0, 7",
    "  bnez t0, 4f",
    "  li   t5, 32",
    "1: bltu a2, t5, 2f",
    ".irp n, 0, 8, 16, 24",
    "  ld   t0, \\n(a1)",
    "  sd   t0, \\n(a0)",
    ".endr",
    "  addi a1, a1, 32",
    "  addi a0, a0, 32",
    "  addi a2, a2, -32",
    "  j    1b",
    "2: li   t5, 8",
    "3: bltu a2, t5, 4f",
    "  ld   t0, 0(a1)",
    "  sd   t0, 0(a0)",
    "  addi a1, a1, 8",
    "  addi a0, a0, 8",
    "  addi a2, a2, -8",
    "  j    3b",
    "4: beqz a2, 5f",
    "  lbu  t0, 0(a1)",
    "  sb   t0, 0(a0)",
    "  addi a1, a1, 1",
    "  addi a0, a0, 1",
    "  addi a2, a2, -1",
    "  j    4b",
    "5: li  a0, 0",
    "  ret",
    // a0 = address, a1 = where its word goes.
    "uaccess_load:",
    "  lw   t0, 0(a0)",
    "  sw   t0, 0(a1)",
    "  j    5b",
    // a0 = address, a1 = expected, a2 = new, a3 = where the word that was there goes.
    "uaccess_exchange:",
    "  sext.w a1, a1",
    "6: lr.w.aqrl t0, (a0)",
    "  bne  t0, a1, 7f",
    "  sc.w.rl t1, a2, (a0)",
    "  bnez t1, 6b",
    "7: sw  t0, 0(a3)",
    "  j    5b",
    "uaccess_failed:",
    "  li   a0, 1",
    "  ret",
    ".option pop",
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
