//! Scheduling: who runs where, and when.
//!
//! | file | what it knows |
//! |---|---|
//! | `task` | classes, ranks, weights: what a schedulable thing is |
//! | `queue` | the ready tasks of one CPU, in order |
//! | `list`, `tree` | intrusive collections |
//! | `scheduler` | picking, waking, leaving; entering user mode |
//! | `timers` | sleepers and deadlines |
//! | `balance` | moving ready threads between CPUs |
//! | `smp` | inter-processor interrupts, calls, grace periods |
//! | `hotplug` | CPUs that come and go |
//! | `affinity` | changing where and how a thread is scheduled |
//! | `fpu` | floating-point state |

pub mod list;
pub mod queue;
pub mod task;
pub mod tree;

#[cfg(target_os = "none")]
pub mod affinity;
#[cfg(target_os = "none")]
pub mod balance;
#[cfg(target_os = "none")]
pub mod fpu;
#[cfg(target_os = "none")]
pub mod hotplug;
#[cfg(all(target_os = "none", debug_assertions))]
pub mod invariants;
#[cfg(target_os = "none")]
pub mod scheduler;
#[cfg(target_os = "none")]
pub mod smp;
#[cfg(target_os = "none")]
pub mod timers;

/// A point in a long operation where interrupts may come in. The caller holds no lock and nothing
/// that it only looked up.
#[cfg(target_os = "none")]
#[inline]
pub fn preemption_point() {
    use crate::arch::cpu;
    cpu::interrupts_enable();
    cpu::relax();
    cpu::interrupts_disable();
}

/// On the host there is no scheduler, only what per-CPU records name.
#[cfg(not(target_os = "none"))]
pub mod scheduler {
    /// Stands for a CPU's scheduler.
    pub struct Scheduler;
    /// One for each CPU.
    pub static SCHEDULERS: [Scheduler; crate::percpu::MAX_CPUS] =
        [const { Scheduler }; crate::percpu::MAX_CPUS];
}

/// On the host nothing interrupts.
#[cfg(not(target_os = "none"))]
pub fn preemption_point() {
    crate::lock::spin();
}
