//! User memory, touched safely.
//!
//! Copies use the unprivileged loads and stores, which check the address as
//! user code's own access would, whatever PAN says: the kernel's addresses are
//! as unreachable as for the user. The compare-and-exchange has no unprivileged
//! form and opens PAN around one access to a user address. A fault inside these
//! routines that cannot be cured continues at `uaccess_failed`, which makes it
//! an error; they are leaf routines without a stack frame, so that is all.

// There is one way to fail: the user could not have done it either.
#![allow(clippy::result_unit_err)]

use core::arch::global_asm;

use super::cpu;
use crate::arch::layout::USER_END;

global_asm!(
    r#"
.section .text.uaccess, "ax"
.global uaccess_start, uaccess_end, uaccess_failed, uaccess_read, uaccess_write, uaccess_load, uaccess_exchange, semihosting_call
.balign 64
uaccess_start:
// x0 = to, x1 = from (user), x2 = length; returns 0 or 1
uaccess_read:
    subs  x2, x2, #8
    b.lo  2f
1:  ldtr  x3, [x1]
    add   x1, x1, #8
    str   x3, [x0], #8
    subs  x2, x2, #8
    b.hs  1b
2:  adds  x2, x2, #8
    b.eq  4f
3:  ldtrb w3, [x1]
    add   x1, x1, #1
    strb  w3, [x0], #1
    subs  x2, x2, #1
    b.ne  3b
4:  mov   x0, xzr
    ret
// x0 = to (user), x1 = from, x2 = length; returns 0 or 1
uaccess_write:
    subs  x2, x2, #8
    b.lo  2f
1:  ldr   x3, [x1], #8
    sttr  x3, [x0]
    add   x0, x0, #8
    subs  x2, x2, #8
    b.hs  1b
2:  adds  x2, x2, #8
    b.eq  4f
3:  ldrb  w3, [x1], #1
    sttrb w3, [x0]
    add   x0, x0, #1
    subs  x2, x2, #1
    b.ne  3b
4:  mov   x0, xzr
    ret
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
uaccess_end:
uaccess_failed:
    mov   x0, #1
    ret
"#
);

unsafe extern "C" {
    static uaccess_start: [u8; 0];
    static uaccess_end: [u8; 0];
    static uaccess_failed: [u8; 0];
    fn uaccess_read(to: *mut u8, from: u64, length: usize) -> u64;
    fn uaccess_write(to: u64, from: *const u8, length: usize) -> u64;
    fn uaccess_load(word: u64, value: *mut u32) -> u64;
    fn uaccess_exchange(word: u64, expected: u32, new: u32, old: *mut u32) -> u64;
}

/// Where to go on after a fault at `pc` that could not be cured, if anywhere.
pub fn fixup(pc: u64) -> Option<u64> {
    let address = |symbol: *const [u8; 0]| symbol.addr() as u64;
    let inside = address(&raw const uaccess_start)..address(&raw const uaccess_end);
    inside
        .contains(&pc)
        .then(|| address(&raw const uaccess_failed))
}

/// Copies `length` bytes from a user address.
///
/// # Safety
/// `to` has room for them. The range of user addresses has been checked.
#[inline]
pub unsafe fn copy_from_user(to: *mut u8, from: u64, length: usize) -> Result<(), ()> {
    // SAFETY: the caller's promise for `to`; faults on the user's side become the error.
    check(unsafe { uaccess_read(to, from, length) })
}

/// Copies `length` bytes to a user address.
///
/// # Safety
/// `from` has as many. The range of user addresses has been checked.
#[inline]
pub unsafe fn copy_to_user(to: u64, from: *const u8, length: usize) -> Result<(), ()> {
    // SAFETY: the caller's promise for `from`; faults on the user's side become the error.
    check(unsafe { uaccess_write(to, from, length) })
}

/// Reads an aligned word of user memory, in one access.
pub fn load_u32_user(address: u64) -> Result<u32, ()> {
    if address >= USER_END || !address.is_multiple_of(4) {
        return Err(());
    }
    let mut value = 0;
    // SAFETY: the address is the user's, `value` takes the word; faults become the error.
    check(unsafe { uaccess_load(address, &mut value) }).map(|()| value)
}

/// Replaces an aligned word of user memory if it is `expected`; returns what was there.
pub fn compare_exchange_u32_user(address: u64, expected: u32, new: u32) -> Result<u32, ()> {
    if address >= USER_END || !address.is_multiple_of(4) {
        return Err(());
    }
    let mut old = 0;
    let guarded = cpu::has_pan();
    // SAFETY: PAN is open for accesses to one address, which is the user's; a fault becomes the
    // error and comes back here, where PAN is closed again.
    let result = unsafe {
        if guarded {
            cpu::write_pan(false);
        }
        let result = uaccess_exchange(address, expected, new, &mut old);
        if guarded {
            cpu::write_pan(true);
        }
        result
    };
    check(result).map(|()| old)
}

fn check(result: u64) -> Result<(), ()> {
    if result == 0 { Ok(()) } else { Err(()) }
}
