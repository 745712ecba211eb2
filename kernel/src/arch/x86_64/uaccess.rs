//! Access to user memory that cannot fault the kernel.
//!
//! The few instructions that touch user addresses lie between two labels, use no stack, and run
//! with SMAP opened. A fault there is first given to memory management; if the page cannot be had,
//! the routine returns failure from `failure()` instead of continuing.

use core::arch::{asm, global_asm};

use super::cpu::{self, Features};
use crate::arch::layout::USER_END;

global_asm!(
    r#"
.section .text
uaccess_begin:
# (to, from, length) -> 0 or 1
user_copy:
    mov rcx, rdx
    shr rcx, 3
    rep movsq
    mov ecx, edx
    and ecx, 7
    rep movsb
    xor eax, eax
    ret
# (address, out) -> 0 or 1
user_load_u32:
    mov ecx, [rdi]
    mov [rsi], ecx
    xor eax, eax
    ret
# (address, expected, new, out) -> 0 or 1
user_compare_exchange_u32:
    mov eax, esi
    lock cmpxchg [rdi], edx
    mov [rcx], eax
    xor eax, eax
    ret
uaccess_end:
uaccess_failure:
    mov eax, 1
    ret
"#
);

unsafe extern "C" {
    static uaccess_begin: [u8; 0];
    static uaccess_end: [u8; 0];
    static uaccess_failure: [u8; 0];
    fn user_copy(to: u64, from: u64, length: usize) -> u64;
    fn user_load_u32(address: u64, out: *mut u32) -> u64;
    fn user_compare_exchange_u32(address: u64, expected: u32, new: u32, out: *mut u32) -> u64;
}

/// Whether kernel code at `pc` may fault on user memory.
pub(super) fn covers(pc: u64) -> bool {
    ((&raw const uaccess_begin) as u64..(&raw const uaccess_end) as u64).contains(&pc)
}

/// Where a routine continues that cannot have its page.
pub(super) fn failure() -> u64 {
    (&raw const uaccess_failure) as u64
}

/// Whether code that ran with `rflags` may touch user memory.
pub(super) fn is_open(rflags: u64) -> bool {
    !cpu::has(Features::SMAP) || rflags & 1 << 18 != 0
}

/// Forbids kernel code to touch user memory. User code may set AC itself, so entries begin so.
#[inline(always)]
pub(super) fn close() {
    if cpu::has(Features::SMAP) {
        // SAFETY: clears the flag that permits user accesses.
        unsafe { asm!("clac", options(nomem, nostack)) }
    }
}

/// Runs `access` with user memory open; 0 is success.
#[inline(always)]
fn open(address: u64, length: usize, access: impl FnOnce() -> u64) -> Result<(), ()> {
    if address
        .checked_add(length as u64)
        .is_none_or(|end| end > USER_END)
    {
        return Err(());
    }
    if cpu::has(Features::SMAP) {
        // SAFETY: sets the flag that permits user accesses; `close` follows.
        unsafe { asm!("stac", options(nomem, nostack)) }
    }
    let failed = access();
    close();
    if failed == 0 { Ok(()) } else { Err(()) }
}

/// Copies from user memory; on failure part of `to` may be written.
///
/// # Safety
/// `to` is valid for writing `length` bytes.
#[allow(clippy::result_unit_err)]
pub unsafe fn copy_from_user(to: *mut u8, from: u64, length: usize) -> Result<(), ()> {
    // SAFETY: `to` is the caller's promise; faults at `from` are caught.
    open(from, length, || unsafe {
        user_copy(to as u64, from, length)
    })
}

/// Copies to user memory; on failure part of it may be written.
///
/// # Safety
/// `from` is valid for reading `length` bytes.
#[allow(clippy::result_unit_err)]
pub unsafe fn copy_to_user(to: u64, from: *const u8, length: usize) -> Result<(), ()> {
    // SAFETY: `from` is the caller's promise; faults at `to` are caught.
    open(to, length, || unsafe { user_copy(to, from as u64, length) })
}

/// Reads an aligned word of user memory in one access.
#[allow(clippy::result_unit_err)]
pub fn load_u32_user(address: u64) -> Result<u32, ()> {
    let mut value = 0;
    // SAFETY: faults at `address` are caught.
    open(address, 4, || unsafe { user_load_u32(address, &mut value) }).map(|()| value)
}

/// Compares and exchanges an aligned word of user memory; the value found there.
#[allow(clippy::result_unit_err)]
pub fn compare_exchange_u32_user(address: u64, expected: u32, new: u32) -> Result<u32, ()> {
    let mut found = 0;
    open(address, 4, || {
        // SAFETY: faults at `address` are caught.
        unsafe { user_compare_exchange_u32(address, expected, new, &mut found) }
    })
    .map(|()| found)
}
