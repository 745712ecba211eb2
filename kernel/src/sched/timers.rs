//! One CPU's timers: sleeping threads and waits with a deadline.
//!
//! Each thread has one timer node, since it waits for one thing at a time. The node is in the
//! queue of the CPU that armed it. An expired timer cancels the wait with `TimedOut`; whether
//! the timeout or the awaited event comes first is decided by who takes the thread out of its
//! wait list.
//!
//! Lock order: a timer queue is innermost; expiry takes a node out, unlocks, then cancels.

use core::mem::offset_of;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::scheduler::{SCHEDULERS, local};
use super::tree::{Node, Tree};
use crate::arch::cpu;
use crate::lock::{Rank, SpinLock};
use crate::process::thread::Thread;

struct Sleepers(Tree);

impl crate::inspect::Described for Sleepers {
    const SHAPE: crate::inspect::Shape =
        <Tree as crate::inspect::Described>::SHAPE.within(core::mem::offset_of!(Sleepers, 0));
}
// SAFETY: nodes are embedded in threads that leave the queue before they are freed; they are
// touched under the queue's lock alone.
unsafe impl Send for Sleepers {}

crate::described! {
    /// Deadlines of one CPU, earliest first.
    #[repr(C)]
    pub struct Queue {
        sleepers: SpinLock<Sleepers>,
        next: AtomicU64,
    }
    sleepers: holds(&[Name::inside("veridian_kernel::process::thread::Thread", "timer")])
}

impl Queue {
    /// No timers.
    pub const fn new() -> Self {
        Self {
            sleepers: SpinLock::new(Rank::Timers, Sleepers(Tree::new())),
            next: AtomicU64::new(u64::MAX),
        }
    }

    /// Earliest deadline in nanoseconds, or `u64::MAX`.
    pub fn next(&self) -> u64 {
        self.next.load(Relaxed)
    }

    /// Fires what is due at `now`.
    pub fn expire(&self, now: u64) {
        loop {
            let mut sleepers = self.sleepers.lock();
            let node = sleepers.0.first();
            // SAFETY: nodes of the tree are embedded in live threads.
            if node.is_null() || unsafe { (*node).key } > now {
                return;
            }
            // SAFETY: the first node is in the tree; its thread cannot be freed before this CPU
            // has left the kernel (grace period).
            unsafe {
                sleepers.0.remove(node);
                self.refresh(&sleepers.0);
                drop(sleepers);
                let thread: *mut Thread = node.wrapping_byte_sub(offset_of!(Thread, timer)).cast();
                (*thread).timer_cpu.store(-1, Relaxed);
                crate::process::wait::expire(thread);
            }
        }
    }

    fn refresh(&self, tree: &Tree) {
        let first = tree.first();
        // SAFETY: nodes of the tree are embedded in live threads.
        let next = unsafe { first.as_ref() }.map_or(u64::MAX, |first| first.key);
        self.next.store(next, Relaxed);
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self::new()
    }
}

/// Arms the current thread's timer on this CPU for `deadline` nanoseconds.
pub fn arm(thread: &mut Thread, deadline: u64) {
    let scheduler = local();
    let mut sleepers = scheduler.timers.sleepers.lock();
    thread
        .timer_cpu
        .store(cpu::current().index.get() as i32, Relaxed);
    // SAFETY: the node is in no queue: a thread arms before it waits and disarms after.
    unsafe { sleepers.0.insert(&raw mut thread.timer, deadline) };
    scheduler.timers.refresh(&sleepers.0);
    drop(sleepers);
    scheduler.arm_by(deadline);
}

/// Takes a thread's timer out, if it is armed.
#[inline]
pub fn disarm(thread: &mut Thread) {
    if thread.timer_cpu.load(Relaxed) >= 0 {
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
        let queue = &SCHEDULERS[holder as usize].timers;
        let mut sleepers = queue.sleepers.lock();
        if thread.timer_cpu.load(Relaxed) == holder && thread.timer.is_linked() {
            // SAFETY: the node is linked, and in this queue as `timer_cpu` says under its lock.
            unsafe { sleepers.0.remove(&raw mut thread.timer) };
            queue.refresh(&sleepers.0);
            thread.timer_cpu.store(-1, Relaxed);
            return;
        }
        drop(sleepers);
        crate::lock::spin();
    }
}

/// Moves all timers of CPU `from`, which goes offline, to the calling CPU.
pub fn adopt(from: usize) {
    let here = cpu::current().index.get() as i32;
    loop {
        let node: *mut Node = {
            let queue = &SCHEDULERS[from].timers;
            let mut sleepers = queue.sleepers.lock();
            let node = sleepers.0.pop_first();
            queue.refresh(&sleepers.0);
            node
        };
        if node.is_null() {
            return;
        }
        let thread: *mut Thread = node.wrapping_byte_sub(offset_of!(Thread, timer)).cast();
        let queue = &local().timers;
        let mut sleepers = queue.sleepers.lock();
        // SAFETY: the node was just taken out, so it is in no queue, and its thread still waits
        // or is being woken by someone who will find it here.
        unsafe {
            let key = (*node).key;
            (*thread).timer_cpu.store(here, Relaxed);
            sleepers.0.insert(node, key);
        }
        queue.refresh(&sleepers.0);
        drop(sleepers);
        local().arm_by(queue.next());
    }
}
