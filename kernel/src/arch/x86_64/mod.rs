//! x86_64.
//!
//! Baseline, asserted by use: long mode, NX, SSE2, FXSAVE, SYSCALL, an APIC and a
//! TSC of constant rate (QEMU's `qemu64` has it all). Used when present: SMEP, SMAP, UMIP, global
//! pages, PCID with INVPCID, XSAVE with AVX, TSC-deadline timer, x2APIC, 1 GiB pages.

pub mod boot;
pub mod console;
pub mod context;
pub mod cpu;
mod descriptors;
pub mod ipi;
#[cfg(feature = "ktest")]
mod ktests;
pub mod machine;
pub mod paging;
pub mod power;
pub mod timer;
pub mod traps;
pub mod uaccess;
