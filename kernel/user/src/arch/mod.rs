//! The instructions that differ: entering the kernel, starting, the thread pointer.

#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod chosen;
#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
mod chosen;
#[cfg(target_arch = "riscv64")]
#[path = "riscv64.rs"]
mod chosen;

pub use chosen::*;
