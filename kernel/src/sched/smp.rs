//! CPUs talking to each other: one inter-processor interrupt, its reasons as bits.
//!
//! Model: the sender sets a reason in the target's `ipi_pending` and interrupts it. The kernel
//! runs with interrupts off, so a busy CPU sees the interrupt when it leaves the kernel; a CPU that
//! waits (for a lock, for an answer) serves calls in `poll` meanwhile, so two CPUs that wait for
//! each other both go on.
//!
//! `call` runs a short function on other CPUs, possibly in the middle of their kernel work: it may
//! touch only per-CPU state and atomics, and takes no lock. `barrier` is different: it waits until every
//! other CPU has been *outside* kernel work at least once. Whatever another CPU had looked up without
//! taking a reference before the barrier, it no longer uses after it. A CPU that itself waits in
//! `barrier` counts as outside: its caller relies on nothing it looked up before.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering, Ordering::Relaxed};

use super::scheduler::SCHEDULERS;
use crate::arch::{cpu, ipi};
use crate::mm;
use crate::percpu::{self, CPUS, MAX_CPUS};

/// Look at the run queue.
pub const RESCHEDULE: u32 = 1;
/// Run the functions that other CPUs ask for.
pub const CALL: u32 = 1 << 1;
/// Say that this CPU is outside kernel work.
pub const BARRIER: u32 = 1 << 2;

/// One CPU's outstanding request to others: those that have not served it yet.
struct Request {
    function: AtomicUsize,
    argument: AtomicU64,
    waiting: AtomicU64,
}

type Requests = [Request; MAX_CPUS];

impl Request {
    const fn none() -> Self {
        Self {
            function: AtomicUsize::new(0),
            argument: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
        }
    }
}

/// Served also in the middle of kernel work.
static CALLS: Requests = [const { Request::none() }; MAX_CPUS];
/// Served outside kernel work alone.
static BARRIERS: Requests = [const { Request::none() }; MAX_CPUS];

/// Has CPU `target` choose anew who runs.
pub fn reschedule(target: usize) {
    SCHEDULERS[target].need_resched.store(true, Relaxed);
    if target != cpu::current().number() {
        kick(target, RESCHEDULE);
    }
}

/// Interrupts CPU `target` for `reason`.
pub fn kick(target: usize, reason: u32) {
    let target = &CPUS[target];
    if target.ipi_pending.fetch_or(reason, Ordering::SeqCst) & reason == 0 {
        ipi::send(target);
    }
}

/// The inter-processor interrupt: serves every reason. The CPU is outside kernel work.
pub fn interrupt() {
    let here = cpu::current();
    let reasons = here.ipi_pending.swap(0, Ordering::SeqCst);
    if reasons & mm::tlb::IPI_TLB != 0 {
        mm::tlb::service();
    }
    if reasons & CALL != 0 {
        serve(&CALLS, here.bit());
    }
    if reasons & BARRIER != 0 {
        serve(&BARRIERS, here.bit());
    }
    if reasons & RESCHEDULE != 0 {
        SCHEDULERS[here.number()].need_resched.store(true, Relaxed);
    }
}

/// Serves what may be served in the middle of kernel work. Called while waiting.
#[inline]
pub fn poll() {
    let here = cpu::current();
    let pending = here.ipi_pending.load(Relaxed);
    if pending & (CALL | mm::tlb::IPI_TLB) != 0 {
        here.ipi_pending
            .fetch_and(!(CALL | mm::tlb::IPI_TLB), Ordering::SeqCst);
        mm::tlb::service();
        serve(&CALLS, here.bit());
    }
    cpu::relax();
}

/// Runs `function(argument)` on each other CPU of `mask` that is online, and returns when all have.
pub fn call(mask: u64, function: fn(u64), argument: u64) {
    ask(&CALLS, CALL, mask, function, argument);
}

/// Waits until every other online CPU has been outside kernel work since the call. The caller
/// holds no lock.
pub fn barrier() {
    ask(&BARRIERS, BARRIER, u64::MAX, |_| {}, 0);
}

fn ask(requests: &Requests, reason: u32, mask: u64, function: fn(u64), argument: u64) {
    let here = cpu::current();
    let targets = mask & percpu::online_mask() & !here.bit();
    if targets == 0 {
        return;
    }
    let request = &requests[here.number()];
    request.function.store(function as usize, Relaxed);
    request.argument.store(argument, Relaxed);
    request.waiting.store(targets, Ordering::SeqCst);
    percpu::cpus(targets).for_each(|cpu| kick(cpu.number(), reason));
    while request.waiting.load(Ordering::Acquire) != 0 {
        if reason == BARRIER {
            serve(&BARRIERS, here.bit());
        }
        poll();
    }
}

fn serve(requests: &Requests, bit: u64) {
    for request in requests {
        if request.waiting.load(Ordering::Acquire) & bit != 0 {
            // SAFETY: the requester stored a `fn(u64)` before it set this CPU's bit, and stores
            // no other before the bit is cleared.
            let function: fn(u64) = unsafe { core::mem::transmute(request.function.load(Relaxed)) };
            function(request.argument.load(Relaxed));
            request.waiting.fetch_and(!bit, Ordering::SeqCst);
        }
    }
}

/// Answers everything still asked of a CPU that is about to stop.
pub fn drain() {
    interrupt();
    let bit = cpu::current().bit();
    serve(&CALLS, bit);
    serve(&BARRIERS, bit);
}
