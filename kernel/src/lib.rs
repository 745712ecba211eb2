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
#[cfg(target_os = "none")]
pub mod ipc;
pub mod lock;
pub mod machine;
pub mod mm;
#[cfg(target_os = "none")]
pub mod panic;
pub mod percpu;
#[cfg(target_os = "none")]
pub mod process;
#[cfg(target_os = "none")]
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

/// What of `ipc` needs no thread.
#[cfg(not(target_os = "none"))]
pub mod ipc {
    pub mod ring;
}

/// What of `sched` needs no thread, and what per-CPU records name.
#[cfg(not(target_os = "none"))]
pub mod sched {
    pub mod list;
    pub mod queue;
    pub mod task;
    pub mod tree;

    /// A CPU's scheduler, of which the host has none.
    pub mod scheduler {
        /// Stands for a CPU's scheduler.
        pub struct Scheduler;
        /// One for each CPU.
        pub static SCHEDULERS: [Scheduler; crate::percpu::MAX_CPUS] =
            [const { Scheduler }; crate::percpu::MAX_CPUS];
    }

    /// On the host nothing interrupts.
    pub fn preemption_point() {
        crate::lock::spin();
    }
}

/// On the host there are no threads.
#[cfg(not(target_os = "none"))]
pub enum Thread {}
