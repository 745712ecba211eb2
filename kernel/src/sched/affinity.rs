//! Changing where and how a thread is scheduled, and sleeping.
//!
//! A queued thread is taken out, changed and put back, because its place depends on its rank and
//! affinity. Whoever takes it out of the queue under the queue's lock owns it until it is queued
//! again; a running thread is told to look.

use core::sync::atomic::Ordering::{Acquire, Relaxed};

use super::scheduler::{self, SCHEDULERS};
use super::smp;
use super::task::Class;
use crate::arch::cpu;
use crate::cap::Binding;
use crate::lock::{Rank, SpinLock};
use crate::percpu;
use crate::process::thread::Thread;
use crate::process::wait::{self, Reason, WaitList};
use crate::syscall::{Answer, Arguments};
use veridian_abi::Error;

/// Sleepers are in a list, so that a sleep ends like any other wait.
static SLEEPERS: [SpinLock<WaitList>; percpu::MAX_CPUS] =
    [const { SpinLock::new(Rank::WaitQueue, WaitList::new()) }; percpu::MAX_CPUS];

/// Leaves the current thread asleep until `deadline` in nanoseconds, for `reason`.
pub fn sleep(thread: &mut Thread, reason: Reason, deadline: u64) -> ! {
    let sleepers = &SLEEPERS[cpu::current().number()];
    wait::leave(thread, (reason, deadline), Binding::KERNEL, deadline, |t| {
        let mut list = sleepers.lock();
        list.settle();
        // SAFETY: the lock is held; the thread is running, so in no list.
        unsafe { list.settled_push(t, sleepers.wait_lock()) };
    })
}

/// Takes a thread out of the queue it is in; false if it is in none. The caller then owns it.
fn unqueue(thread: &mut Thread) -> bool {
    loop {
        let queue = thread.task.queue.load(Acquire);
        if queue < 0 {
            return false;
        }
        let mut ready = SCHEDULERS[queue as usize].ready.lock();
        if thread.task.queue.load(Relaxed) == queue {
            // SAFETY: under the queue's lock, the task says that it is in this queue.
            unsafe { ready.remove(&raw mut thread.task) };
            SCHEDULERS[queue as usize].load.fetch_sub(1, Relaxed);
            return true;
        }
    }
}

/// Applies `change` while the thread is in no queue and has it scheduled accordingly.
fn change(thread: &mut Thread, change: impl FnOnce(&Thread)) {
    let owned = unqueue(thread);
    change(thread);
    // Its CPU may have queued a running thread in the meantime, as it was before.
    if owned || unqueue(thread) {
        // SAFETY: taken out of its queue above.
        unsafe { scheduler::make_ready(thread) };
        return;
    }
    let running_on = thread.task.on_cpu.load(Acquire);
    if running_on >= 0 {
        smp::reschedule(running_on as usize);
    }
}

/// The system call of this name: allows a thread only the CPUs of a mask. Result: the mask before.
///
/// # Errors
/// `NoCpu` if none of them is online.
pub fn set_affinity(_: &mut Thread, thread: &mut Thread, [_, mask, ..]: Arguments) -> Answer {
    if mask & percpu::online_mask() == 0 {
        return Err(Error::NoCpu);
    }
    let before = thread.task.affinity.load(Relaxed);
    change(thread, |thread| thread.task.affinity.store(mask, Relaxed));
    Ok(before)
}

/// Sets class and level.
pub fn set_class(thread: &mut Thread, class: Class, level: i16) {
    change(thread, |thread| thread.task.set_class(class, level));
}

/// Sets the rank a thread is scheduled by, whatever it is doing.
pub fn set_effective_rank(thread: &mut Thread, rank: u16) {
    if thread.task.rank() != rank {
        change(thread, |t| t.task.effective_rank.store(rank, Relaxed));
    }
}
