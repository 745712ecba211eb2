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
use crate::process::wait::{Reason, WaitList};
use crate::syscall::Outcome;
use veridian_abi::Error;

/// Sleepers are in this list, so that a sleep ends like any other wait.
struct Sleepers {
    lock: SpinLock<()>,
    list: core::cell::UnsafeCell<WaitList>,
}

// SAFETY: the list is reached under the lock alone.
unsafe impl Sync for Sleepers {}

static SLEEPERS: [Sleepers; percpu::MAX_CPUS] = [const {
    Sleepers {
        lock: SpinLock::new(Rank::WaitQueue, ()),
        list: core::cell::UnsafeCell::new(WaitList::new()),
    }
}; percpu::MAX_CPUS];

/// Leaves the current thread asleep until `deadline` in nanoseconds, for `reason`.
pub fn sleep(thread: &mut Thread, reason: Reason, deadline: u64) -> Outcome {
    let sleepers = &SLEEPERS[cpu::current().number()];
    thread.wait.reason = reason;
    thread.wait.object = deadline;
    thread.wait.via = Binding::KERNEL;
    super::timers::arm(thread, deadline);
    let guard = sleepers.lock.lock();
    // SAFETY: the lock is held; the thread is running, so in no list.
    unsafe { (*sleepers.list.get()).append(thread, &raw const sleepers.lock) };
    drop(guard);
    scheduler::reschedule()
}

/// Takes a thread out of the queue it is in; null if it is in none. The caller then owns it.
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
            thread.task.queue.store(-1, Relaxed);
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
    if running_on == cpu::current().index.get() as i32 {
        scheduler::local().need_resched.store(true, Relaxed);
    } else if running_on >= 0 {
        smp::kick(running_on as usize, smp::RESCHEDULE);
    }
}

/// Allows a thread only the CPUs of `mask`. Result: the mask before.
///
/// # Errors
/// `NoCpu` if none of them is online.
pub fn set(thread: &mut Thread, mask: u64) -> Result<u64, Error> {
    if mask & percpu::online_mask() == 0 {
        return Err(Error::NoCpu);
    }
    let before = thread.task.affinity.load(Relaxed);
    change(thread, |thread| thread.task.affinity.store(mask, Relaxed));
    Ok(before)
}

/// Sets class and level.
pub fn set_class(thread: &mut Thread, class: Class, level: i16) {
    change(thread, |thread| {
        thread.task.set_class(class, level);
        thread
            .task
            .effective_rank
            .store(thread.task.base_rank.load(Relaxed), Relaxed);
    });
}

/// Sets the rank a thread is scheduled by, whatever it is doing.
pub fn set_effective_rank(thread: &mut Thread, rank: u16) {
    if thread.task.rank() != rank {
        change(thread, |thread| {
            thread.task.effective_rank.store(rank, Relaxed)
        });
    }
}

/// Queues the running thread elsewhere, because this CPU is not one of its own any more.
///
/// # Safety
/// The thread runs on this CPU, which leaves it right after.
pub unsafe fn evict(thread: *mut Thread) {
    // SAFETY: as the caller promises; `on_cpu` keeps the target from running it too early.
    unsafe {
        let allowed = (*thread).task.affinity.load(Relaxed) & percpu::online_mask();
        let target = if allowed == 0 {
            cpu::current().number()
        } else {
            allowed.trailing_zeros() as usize
        };
        scheduler::enqueue(thread, target, false);
    }
}
