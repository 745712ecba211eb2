//! VeridianOS: a capability-based microkernel.
//!
//! Principles:
//! 1. Authority is a capability. No call acts on a name, a number or an address alone.
//! 2. One kernel stack per CPU. A thread in the kernel is its record in a queue, nothing more;
//!    kernel code runs with interrupts off and in bounded steps.
//! 3. Check everything, then act; what has begun to act does not fail.
//! 4. Only `arch/` knows an architecture. Whatever does not touch hardware also runs on the host.
#![cfg_attr(target_os = "none", no_std)]
#![warn(missing_docs)]

extern crate alloc;

pub mod arch;
#[cfg(target_os = "none")]
pub mod boot;
pub mod cap;
pub mod cmdline;
pub mod console;
pub mod initrd;
pub mod inspect;
pub mod ipc;
pub mod lock;
pub mod machine;
pub mod mm;
pub mod panic;
pub mod percpu;
#[cfg(target_os = "none")]
pub mod process;
pub mod sched;
pub mod symbols;
#[cfg(target_os = "none")]
pub mod syscall;
#[cfg(feature = "ktest")]
pub mod test_framework;
pub mod trace;
#[cfg(target_os = "none")]
pub mod trap;

#[cfg(target_os = "none")]
pub use process::thread::Thread;

/// On the host there are no threads.
#[cfg(not(target_os = "none"))]
pub enum Thread {}
