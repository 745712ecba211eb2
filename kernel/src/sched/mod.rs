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

pub mod affinity;
pub mod balance;
pub mod fpu;
pub mod hotplug;
#[cfg(debug_assertions)]
pub mod invariants;
pub mod list;
pub mod queue;
pub mod scheduler;
pub mod smp;
pub mod task;
pub mod timers;
pub mod tree;

/// A point in a long operation where interrupts may come in. The caller holds no lock and nothing
/// that it only looked up.
#[inline]
pub fn preemption_point() {
    use crate::arch::cpu;
    cpu::interrupts_enable();
    cpu::relax();
    cpu::interrupts_disable();
}
