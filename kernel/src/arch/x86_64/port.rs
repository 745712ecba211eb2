//! Port input and output.

use core::arch::asm;

/// Writes a byte.
///
/// # Safety
/// The device behind the port must not be made to touch memory that is in use.
#[inline]
pub unsafe fn write_u8(port: u16, value: u8) {
    // SAFETY: the instruction itself touches no memory; the device is the caller's promise.
    unsafe {
        asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags))
    }
}

/// Writes 32 bits.
///
/// # Safety
/// As for `write_u8`.
#[inline]
pub unsafe fn write_u32(port: u16, value: u32) {
    // SAFETY: the instruction itself touches no memory; the device is the caller's promise.
    unsafe {
        asm!("out dx, eax", in("dx") port, in("eax") value, options(nomem, nostack, preserves_flags))
    }
}

/// Reads a byte.
///
/// # Safety
/// Reading must not have an effect on the device that somebody else relies on.
#[inline]
pub unsafe fn read_u8(port: u16) -> u8 {
    let value;
    // SAFETY: the instruction itself touches no memory; the device is the caller's promise.
    unsafe {
        asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags))
    }
    value
}
