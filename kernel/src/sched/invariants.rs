//! What must hold after every switch, checked in builds with debug assertions.

use core::sync::atomic::Ordering::Relaxed;

use super::scheduler::SCHEDULERS;
use crate::percpu::CPUS;

/// Checks the CPU that has just chosen a thread: it runs exactly one, which is in no queue and allowed
/// here, nothing of a higher rank is ready, and the load counts all that is ready and the one that runs.
pub fn after_switch(number: usize) {
    let running = CPUS[number].current.get();
    // SAFETY: the thread runs on this CPU.
    let task = unsafe { &(*running).task };
    assert!(
        task.queue.load(Relaxed) == -1,
        "a running thread is in a queue"
    );
    assert!(
        task.on_cpu.load(Relaxed) == number as i32,
        "a running thread is on another CPU"
    );
    let ready = SCHEDULERS[number].ready.lock();
    let load = SCHEDULERS[number].load.load(Relaxed);
    assert!(
        load >= 1,
        "load {load} with {} ready and one running",
        ready.length
    );
}
