//! User memory, touched safely.
//!
//! The instructions that touch user addresses are each architecture's: leaf routines without a
//! stack frame between `uaccess_start` and `uaccess_failed`, that return 0 when they are done. A
//! fault inside them is first given to memory management (`trap::kernel_fault`); if the page
//! cannot be had, they continue at `uaccess_failed`, which returns 1. User memory is closed to
//! the kernel but for the moment of an access; where an architecture has loads and stores that
//! act with the user's rights (`UNPRIVILEGED`), copies need not even open it.

// There is one way to fail: the user could not have done it either.
#![allow(clippy::result_unit_err)]

use super::chosen::uaccess::{UNPRIVILEGED, close, open};
use super::layout::USER_END;

unsafe extern "C" {
    static uaccess_start: [u8; 0];
    static uaccess_failed: [u8; 0];
    fn uaccess_read(to: *mut u8, from: u64, length: usize) -> u64;
    fn uaccess_write(to: u64, from: *const u8, length: usize) -> u64;
    fn uaccess_load(address: u64, value: *mut u32) -> u64;
    fn uaccess_exchange(address: u64, expected: u32, new: u32, found: *mut u32) -> u64;
}

/// Where kernel code goes on after a fault at `pc` that could not be cured, if anywhere.
pub fn fixup(pc: u64) -> Option<u64> {
    let bounds = [&raw const uaccess_start, &raw const uaccess_failed];
    let [start, failed] = bounds.map(|symbol| symbol.addr() as u64);
    (start..failed).contains(&pc).then_some(failed)
}

/// Runs `access` to a range of user addresses, with user memory open if it `opens` it.
#[inline(always)]
fn access(from: u64, length: usize, opens: bool, access: impl FnOnce() -> u64) -> Result<(), ()> {
    let end = from.checked_add(length as u64);
    if end.is_none_or(|end| end > USER_END) {
        return Err(());
    }
    if opens {
        open();
    }
    let failed = access();
    if opens {
        close();
    }
    if failed == 0 { Ok(()) } else { Err(()) }
}

/// Copies from user memory; on failure part of `to` may be written.
///
/// # Safety
/// `to` is valid for writing `length` bytes.
#[inline]
pub unsafe fn copy_from_user(to: *mut u8, from: u64, length: usize) -> Result<(), ()> {
    // SAFETY: `to` is the caller's promise; faults at `from` are caught.
    let copy = || unsafe { uaccess_read(to, from, length) };
    access(from, length, !UNPRIVILEGED, copy)
}

/// Copies to user memory; on failure part of it may be written.
///
/// # Safety
/// `from` is valid for reading `length` bytes.
#[inline]
pub unsafe fn copy_to_user(to: u64, from: *const u8, length: usize) -> Result<(), ()> {
    // SAFETY: `from` is the caller's promise; faults at `to` are caught.
    let copy = || unsafe { uaccess_write(to, from, length) };
    access(to, length, !UNPRIVILEGED, copy)
}

/// Runs `word` on an aligned word of user memory; what it found there.
fn word(address: u64, opens: bool, word: impl FnOnce(*mut u32) -> u64) -> Result<u32, ()> {
    let mut found = 0;
    if !address.is_multiple_of(4) {
        return Err(());
    }
    access(address, 4, opens, || word(&mut found)).map(|()| found)
}

/// Reads an aligned word of user memory in one access.
pub fn load_u32_user(address: u64) -> Result<u32, ()> {
    // SAFETY: faults at `address` are caught; the word goes where `word` says.
    word(address, !UNPRIVILEGED, |to| unsafe {
        uaccess_load(address, to)
    })
}

/// Replaces an aligned word of user memory if it is `expected`; what was there.
pub fn compare_exchange_u32_user(address: u64, expected: u32, new: u32) -> Result<u32, ()> {
    // SAFETY: as in `load_u32_user`.
    let exchange = |found| unsafe { uaccess_exchange(address, expected, new, found) };
    word(address, true, exchange)
}
