//! One CPU's timers: sleeping threads and waits with a deadline.
//!
//! Each thread has one timer node, since it waits for one thing at a time. The node is in the
//! queue of the CPU that armed it. An expired timer cancels the wait with `TimedOut`; whether
//! the timeout or the awaited event comes first is decided by who takes the thread out of its
//! wait list.
//!
//! Lock order: a timer queue is innermost; expiry takes a node out, unlocks, then cancels.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::list::container;
use super::scheduler::{SCHEDULERS, local};
use super::tree::{Node, Tree};
use crate::arch::cpu;
use crate::lock::{Rank, SpinLock};
use crate::process::thread::Thread;

crate::described! {
    /// Deadlines of one CPU, earliest first.
    #[repr(C)]
    pub struct Queue {
        sleepers: SpinLock<Tree>,
        next: AtomicU64,
    }
    sleepers: holds(&[Name::inside("veridian_kernel::process::thread::Thread", "timer")])
}

impl Queue {
    /// No timers.
    pub const fn new() -> Self {
        Self {
            sleepers: SpinLock::new(Rank::Timers, Tree::new()),
            next: AtomicU64::new(u64::MAX),
        }
    }

    /// Earliest deadline in nanoseconds, or `u64::MAX`.
    pub fn next(&self) -> u64 {
        self.next.load(Relaxed)
    }

    /// Fires what is due at `now`.
    pub fn expire(&self, now: u64) {
        while let Some(node) = self.take(now) {
            // SAFETY: the node was in the queue, and its thread cannot be freed before this CPU
            // has left the kernel (grace period).
            unsafe {
                let thread = container!(node, Thread, timer);
                (*thread).timer_cpu.store(-1, Relaxed);
                crate::process::wait::expire(thread);
            }
        }
    }

    /// Takes the first timer out if it is due at `now`.
    fn take(&self, now: u64) -> Option<*mut Node> {
        self.change(|sleepers| {
            // SAFETY: nodes of the tree are embedded in live threads.
            let due = unsafe { sleepers.first().as_ref() }.is_some_and(|first| first.key <= now);
            due.then(|| sleepers.pop_first())
        })
    }

    /// Changes what is in the queue.
    fn change<R>(&self, change: impl FnOnce(&mut Tree) -> R) -> R {
        let mut sleepers = self.sleepers.lock();
        let result = change(&mut sleepers);
        // SAFETY: nodes of the tree are embedded in live threads.
        let next = unsafe { sleepers.first().as_ref() }.map_or(u64::MAX, |first| first.key);
        self.next.store(next, Relaxed);
        result
    }
}

/// Arms a thread's timer on this CPU for `deadline` nanoseconds. The thread is the current one, or its
/// timer was just taken out of a queue.
pub fn arm(thread: &mut Thread, deadline: u64) {
    let scheduler = local();
    scheduler.timers.change(|sleepers| {
        let here = cpu::current().index.get() as i32;
        thread.timer_cpu.store(here, Relaxed);
        // SAFETY: the node is in no queue: a thread arms before it waits and disarms after; it leaves
        // the queue before it is freed.
        unsafe { sleepers.insert(&raw mut thread.timer, deadline) };
    });
    scheduler.arm_by(deadline);
}

/// Whether a thread's timer is armed.
#[inline(always)]
pub fn is_armed(thread: &Thread) -> bool {
    thread.timer_cpu.load(Relaxed) >= 0
}

/// Takes a thread's timer out, if it is armed.
#[inline]
pub fn disarm(thread: &mut Thread) {
    if is_armed(thread) {
        disarm_slow(thread);
    }
}

#[cold]
fn disarm_slow(thread: &mut Thread) {
    loop {
        let holder = thread.timer_cpu.load(Relaxed);
        if holder < 0 {
            return;
        }
        SCHEDULERS[holder as usize].timers.change(|sleepers| {
            if thread.timer_cpu.load(Relaxed) == holder && thread.timer.is_linked() {
                // SAFETY: the node is linked, and in this queue as `timer_cpu` says under its lock.
                unsafe { sleepers.remove(&raw mut thread.timer) };
                thread.timer_cpu.store(-1, Relaxed);
            }
        });
        crate::lock::spin();
    }
}

/// Moves all timers of CPU `from`, which goes offline, to the calling CPU.
pub fn adopt(from: usize) {
    while let Some(node) = SCHEDULERS[from].timers.take(u64::MAX) {
        // SAFETY: the node was just taken out, and its thread still waits or is being woken by someone
        // who looks for it until it is in a queue again.
        unsafe { arm(&mut *container!(node, Thread, timer), (*node).key) };
    }
}
