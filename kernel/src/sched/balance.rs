//! Load balancing: an idle CPU takes a ready thread from the busiest one at once; a busy CPU
//! compares loads periodically and pulls while another has two more than it.
//!
//! Only ready threads move, only where their affinity allows, never one whose state a CPU still
//! needs. A queue's lock is tried, not waited for: a missed chance comes again.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::scheduler::{self, SCHEDULERS, thread_of};
use crate::percpu::{self, MAX_CPUS};
use crate::process::thread::Thread;

/// Nanoseconds between two looks at the balance.
pub const PERIOD: u64 = 50_000_000;
/// Ready threads of another CPU that are looked at before giving up.
const SEARCH: usize = 32;

/// Threads taken from each CPU by others.
pub static STOLEN: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(0) }; MAX_CPUS];

/// Takes a ready thread from the busiest CPU for the idle CPU `here`; null if there is none.
/// The caller owns the thread.
pub fn steal(here: usize) -> *mut Thread {
    let thread = take(here, 0);
    // SAFETY: `take` removed it from its queue, so it is this function's.
    if let Some(t) = unsafe { thread.as_mut() } {
        let mine = &SCHEDULERS[here];
        let last = t.task.last_cpu.swap(here as i32, Relaxed) as usize;
        t.task.metrics.migrations += 1;
        mine.metrics
            .migrations
            .set(mine.metrics.migrations.get() + 1);
        let (floor, from) = (
            mine.floor.load(Relaxed),
            SCHEDULERS[last].floor.load(Relaxed),
        );
        t.task.virtual_time = (t.task.virtual_time + floor).saturating_sub(from);
        mine.load.fetch_add(1, Relaxed);
        crate::trace::event!(migrate, t.id, here);
    }
    thread
}

/// Pulls one thread to CPU `here` if another is clearly busier.
pub fn pull(here: usize) {
    let load = SCHEDULERS[here].load.load(Relaxed);
    let thread = take(here, load + 1);
    if !thread.is_null() {
        // SAFETY: `take` removed it from its queue, so it is this function's.
        unsafe { scheduler::enqueue(thread, here, false) };
    }
}

/// Takes a thread that may run on `here` out of the queue of the busiest other CPU with more
/// than `above` threads.
fn take(here: usize, above: i32) -> *mut Thread {
    let (mut busiest, mut most) = (None, above);
    for cpu in percpu::cpus(percpu::online_mask() & !(1 << here)) {
        let load = SCHEDULERS[cpu.number()].load.load(Relaxed);
        if load > most && SCHEDULERS[cpu.number()].top_rank() >= 0 {
            (busiest, most) = (Some(cpu.number()), load);
        }
    }
    let Some(busiest) = busiest else {
        return null_mut();
    };
    let Some(mut ready) = SCHEDULERS[busiest].ready.try_lock() else {
        return null_mut();
    };
    let task = ready.find(SEARCH, |task| {
        task.allows(here) && task.on_cpu.load(Relaxed) < 0
    });
    if !task.is_null() {
        // SAFETY: `find` returned a task of this queue, which is locked.
        unsafe {
            ready.remove(task);
            (*task).queue.store(-1, Relaxed);
        }
        SCHEDULERS[busiest].load.fetch_sub(1, Relaxed);
        STOLEN[busiest].fetch_add(1, Relaxed);
    }
    thread_of(task)
}
