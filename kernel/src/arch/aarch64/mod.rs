//! AArch64: ARMv8.0 and later at EL1, 4 KiB granule, 48-bit addresses.
//!
//! User space is under TTBR0, the kernel under TTBR1, so neither contains a
//! part of the other. `TPIDR_EL1` holds the CPU's record. While user code runs,
//! `SP_EL1` points at the current thread's frame, so that entry code can save
//! registers without having one to spare; in the kernel it is the CPU's stack.

pub mod boot;
pub mod console;
pub mod context;
pub mod cpu;
pub mod ipi;
pub mod machine;
pub mod paging;
pub mod power;
#[cfg(feature = "ktest")]
mod tests;
pub mod timer;
pub mod traps;
pub mod uaccess;

/// Reads a system register.
macro_rules! read_register {
    ($name:literal) => {{
        let value: u64;
        // SAFETY: reading this register changes nothing.
        #[allow(unused_unsafe)]
        unsafe {
            core::arch::asm!(concat!("mrs {}, ", $name), out(reg) value, options(nomem, nostack, preserves_flags))
        };
        value
    }};
}

/// Writes a system register, with `isb` to take effect before what comes next. The caller's `unsafe`
/// says why the new value is right.
macro_rules! write_register {
    ($name:literal, $value:expr, isb) => {
        core::arch::asm!(concat!("msr ", $name, ", {}"), "isb", in(reg) $value as u64, options(nostack, preserves_flags))
    };
    ($name:literal, $value:expr) => {
        core::arch::asm!(concat!("msr ", $name, ", {}"), in(reg) $value as u64, options(nostack, preserves_flags))
    };
}

pub(crate) use {read_register, write_register};
