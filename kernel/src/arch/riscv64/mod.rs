//! RISC-V, 64 bits: supervisor mode under SBI firmware, Sv48 paging.
//!
//! Model: `tp` holds this hart's `PerCpu` while the kernel runs and the thread
//! pointer of the program while it runs; `sscratch` holds the `PerCpu` while a
//! program runs and zero while the kernel does, which is how the trap entry
//! knows where it came from. `sstatus.SUM` is open only inside the user-copy
//! routines and `sstatus.SPP` is clear except while a trap from kernel mode is
//! handled.

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

/// Bits of `sstatus`.
mod sstatus {
    /// Interrupts are taken in supervisor mode.
    pub const SIE: u64 = 1 << 1;
    /// The trap came from supervisor mode.
    pub const SPP: u64 = 1 << 8;
    /// Floating-point unit: 0 off, 2 clean, 3 dirty.
    pub const FS: u64 = 3 << 13;
    /// Floating-point unit on, nothing changed yet.
    pub const FS_CLEAN: u64 = 2 << 13;
    /// Supervisor may touch user pages.
    pub const SUM: u64 = 1 << 18;
}
