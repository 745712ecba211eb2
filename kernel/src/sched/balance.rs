//! Load balancing: an idle CPU takes a ready thread from the busiest one at once; a busy CPU
//! compares loads periodically and pulls while another has two more than it.
//!
//! Only ready threads move, only where their affinity allows, never one whose state a CPU still
//! needs. A queue's lock is tried, not waited for: a missed chance comes again.

use core::sync::atomic::Ordering::Relaxed;

use super::list::container;
use super::scheduler::{self, SCHEDULERS};
use crate::percpu;
use crate::process::thread::Thread;

/// Nanoseconds between two looks at the balance.
pub const PERIOD: u64 = 50_000_000;
/// Ready threads of another CPU that are looked at before giving up.
const SEARCH: usize = 32;

/// Takes a thread that may run on `here` from the busiest other CPU, if that has more than `above`
/// threads, and queues it on `here`, the calling CPU. Says whether there was one.
pub fn pull(here: usize, above: i32) -> bool {
    let load = |cpu: &usize| SCHEDULERS[*cpu].load.load(Relaxed);
    let others = percpu::cpus(percpu::online_mask() & !(1 << here)).map(|cpu| cpu.number());
    let busy = others.filter(|cpu| load(cpu) > above && SCHEDULERS[*cpu].top_rank() >= 0);
    let Some(busiest) = busy.max_by_key(load) else {
        return false;
    };
    let Some(mut ready) = SCHEDULERS[busiest].ready.try_lock() else {
        return false;
    };
    let task = ready.find(SEARCH, |task| {
        task.allows(here) && task.on_cpu.load(Relaxed) < 0
    });
    if task.is_null() {
        return false;
    }
    // SAFETY: `find` returned a task of this queue, which is locked; taken out, it is this function's.
    unsafe {
        ready.remove(task);
        drop(ready);
        SCHEDULERS[busiest].load.fetch_sub(1, Relaxed);
        scheduler::enqueue(container!(task, Thread, task), here);
    }
    true
}
