//! Access to user memory that survives bad addresses.
//!
//! User pages are closed to the kernel (`sstatus.SUM`) except between the first
//! and the last instruction of the routines here. A fault inside them that the
//! address space cannot resolve continues at `uaccess_fail`, which closes user
//! memory and returns an error. The routines use no stack, so that the one
//! failure path fits all of them.

use super::sstatus;
use core::arch::global_asm;

global_asm!(
    ".option push",
    ".option arch, +a",
    ".balign 4",
    ".global uaccess_begin, uaccess_copy, uaccess_load, uaccess_exchange, uaccess_fail",
    "uaccess_begin:",
    // a0 = to, a1 = from, a2 = length: 32 bytes at a time, then 8, then single ones.
    "uaccess_copy:",
    "  li   t6, {sum}",
    "  csrs sstatus, t6",
    "  or   t0, a0, a1",
    "  andi t0, t0, 7",
    "  bnez t0, 4f",
    "  li   t5, 32",
    "1: bltu a2, t5, 2f",
    "  ld   t0, 0(a1)",
    "  ld   t1, 8(a1)",
    "  ld   t2, 16(a1)",
    "  ld   t3, 24(a1)",
    "  sd   t0, 0(a0)",
    "  sd   t1, 8(a0)",
    "  sd   t2, 16(a0)",
    "  sd   t3, 24(a0)",
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
    "5: csrc sstatus, t6",
    "  li   a0, 0",
    "  ret",
    // a0 = address: its word in a1.
    "uaccess_load:",
    "  li   t6, {sum}",
    "  csrs sstatus, t6",
    "  lwu  a1, 0(a0)",
    "  j    5b",
    // a0 = address, a1 = expected, a2 = new: the word that was there in a1.
    "uaccess_exchange:",
    "  li   t6, {sum}",
    "  csrs sstatus, t6",
    "  sext.w a1, a1",
    "6: lr.w.aqrl t0, (a0)",
    "  bne  t0, a1, 7f",
    "  sc.w.rl t1, a2, (a0)",
    "  bnez t1, 6b",
    "7: mv  a1, t0",
    "  j    5b",
    "uaccess_fail:",
    "  li   t6, {sum}",
    "  csrc sstatus, t6",
    "  li   a0, 1",
    "  ret",
    ".option pop",
    sum = const sstatus::SUM,
);

/// How the routines answer: status in a0, a word in a1.
#[repr(C)]
struct Answer {
    failed: u64,
    word: u64,
}

unsafe extern "C" {
    fn uaccess_begin();
    fn uaccess_fail();
    fn uaccess_copy(to: u64, from: u64, length: usize) -> Answer;
    fn uaccess_load(address: u64) -> Answer;
    fn uaccess_exchange(address: u64, expected: u64, new: u64) -> Answer;
}

/// Whether `pc` is in a routine whose faults are answered with an error.
pub(super) fn contains(pc: u64) -> bool {
    (uaccess_begin as *const () as u64..failure()).contains(&pc)
}

/// Where such a fault continues.
pub(super) fn failure() -> u64 {
    uaccess_fail as *const () as u64
}

fn checked(answer: Answer) -> Result<u32, ()> {
    if answer.failed == 0 {
        Ok(answer.word as u32)
    } else {
        Err(())
    }
}

/// Copies from the current address space's user memory. The range is below `USER_END`.
///
/// # Errors
/// Some byte is not readable; then part may have been copied.
///
/// # Safety
/// `to` is writable for `length` bytes, and no reference to them is alive.
#[allow(clippy::result_unit_err)]
pub unsafe fn copy_from_user(to: *mut u8, from: u64, length: usize) -> Result<(), ()> {
    // SAFETY: the caller's promise for `to`; faults on `from` are answered with an error.
    checked(unsafe { uaccess_copy(to as u64, from, length) }).map(drop)
}

/// Copies to the current address space's user memory. The range is below `USER_END`.
///
/// # Errors
/// Some byte is not writable; then part may have been copied.
///
/// # Safety
/// `from` is readable for `length` bytes.
#[allow(clippy::result_unit_err)]
pub unsafe fn copy_to_user(to: u64, from: *const u8, length: usize) -> Result<(), ()> {
    // SAFETY: the caller's promise for `from`; faults on `to` are answered with an error.
    checked(unsafe { uaccess_copy(to, from as u64, length) }).map(drop)
}

/// Reads a word of user memory at once. The address is below `USER_END` and a multiple of 4.
///
/// # Errors
/// The word is not readable.
#[allow(clippy::result_unit_err)]
pub fn load_u32_user(address: u64) -> Result<u32, ()> {
    // SAFETY: reads user memory only; faults are answered with an error.
    checked(unsafe { uaccess_load(address) })
}

/// Replaces a word of user memory if it is `expected`, and says what was there. The address is
/// below `USER_END` and a multiple of 4.
///
/// # Errors
/// The word is not writable.
#[allow(clippy::result_unit_err)]
pub fn compare_exchange_u32_user(address: u64, expected: u32, new: u32) -> Result<u32, ()> {
    // SAFETY: changes user memory only; faults are answered with an error.
    checked(unsafe { uaccess_exchange(address, expected.into(), new.into()) })
}
