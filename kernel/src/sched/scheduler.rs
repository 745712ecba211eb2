//! Per-CPU scheduling: who runs here, who is ready here, when to look again.
//!
//! Model: each CPU has a run queue under its own lock and decides alone. A thread in user mode
//! is `current` of its CPU and in no queue; a ready thread is in exactly one queue; any other
//! thread is blocked in some object's wait list or not started. There is no kernel context to
//! switch: leaving a thread means abandoning the kernel stack and resuming another frame.
//!
//! Waking: whoever takes a thread out of its wait list (under that list's lock) owns the wake-up
//! and calls `make_ready` once. `Task::on_cpu` stays set until the CPU that ran the thread no longer needs
//! its state; until then the thread may only be queued on that CPU.
//!
//! Time is charged to `charged`, which is the running thread or, in a direct IPC switch, the
//! caller at the head of the chain it works for.
//!
//! Lock order: a run queue is taken with object and thread locks held, never the other way round.

use core::cell::Cell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering, Ordering::Relaxed};

use super::list::container;
use super::queue::RunQueue;
use super::task::{RANK_FAIR, RANK_ROUND_ROBIN, Task};
use super::{balance, smp, timers};
use crate::arch::{context, cpu, timer};
use crate::lock::{Rank, SpinLock};
use crate::percpu::{self, CPUS, CpuState, MAX_CPUS, PerCpu};
use crate::process::thread::{Thread, flag};

/// Round-robin slice in nanoseconds.
pub const SLICE: u64 = 10_000_000;
/// The fair class gives every ready task a turn within this time, if slices stay above the minimum.
const FAIR_LATENCY: u64 = 24_000_000;
const FAIR_MINIMUM: u64 = 3_000_000;

crate::described! {
    /// What one CPU counts; nanoseconds and events.
    #[repr(C)]
    #[derive(Default)]
    pub struct CpuMetrics {
        /// Times another thread was given the CPU by the scheduler.
        pub switches: Cell<u64>,
        /// Threads that came here from another CPU.
        pub migrations: Cell<u64>,
        /// Time spent idle.
        pub idle_time: Cell<u64>,
        /// Timer interrupts.
        pub ticks: Cell<u64>,
    }
}

crate::described! {
    /// One CPU's scheduler.
    #[repr(C, align(128))]
    pub struct Scheduler {
        /// Ready threads of this CPU.
        pub ready: SpinLock<RunQueue>,
        /// The running thread has to be looked at before user mode is entered again.
        pub need_resched: AtomicBool,
        /// Threads ready or running here: the balance of load.
        pub load: AtomicI32,
        /// Thread that pays for the time since `since`, or null when idle.
        pub charged: Cell<*mut Thread>,
        since: Cell<u64>,
        slice_end: Cell<u64>,
        /// When the timer will fire; 0 when off.
        armed: Cell<u64>,
        /// When this CPU last looked for imbalance.
        pub balanced: Cell<u64>,
        /// Counts.
        pub metrics: CpuMetrics,
        /// Sleepers and timeouts.
        pub timers: timers::Queue,
        /// This CPU's memory of recent lookups of capabilities.
        pub capabilities: crate::cap::Cache,
        /// Whose state the FPU holds, or null.
        pub fpu_owner: Cell<*mut Thread>,
    }
}

// SAFETY: the `Cell`s and the FPU owner are used by the CPU they belong to alone; the rest is
// atomic or locked.
unsafe impl Sync for Scheduler {}

impl Scheduler {
    const fn new() -> Self {
        Self {
            ready: SpinLock::new(Rank::RunQueue, RunQueue::new()),
            need_resched: AtomicBool::new(false),
            load: AtomicI32::new(0),
            charged: Cell::new(null_mut()),
            since: Cell::new(0),
            slice_end: Cell::new(u64::MAX),
            armed: Cell::new(0),
            balanced: Cell::new(0),
            metrics: CpuMetrics {
                switches: Cell::new(0),
                migrations: Cell::new(0),
                idle_time: Cell::new(0),
                ticks: Cell::new(0),
            },
            timers: timers::Queue::new(),
            capabilities: crate::cap::Cache::new(),
            fpu_owner: Cell::new(null_mut()),
        }
    }

    /// Highest rank ready here, or -1; a hint unless this is the calling CPU.
    #[inline]
    pub fn top_rank(&self) -> i32 {
        // SAFETY: `top_rank` is atomic; the queue itself is a static.
        unsafe { (*self.ready.as_ptr()).top_rank() }
    }

    /// Charges the time since the last call to whoever pays for it.
    fn account(&self, now: u64) {
        let ran = now.saturating_sub(self.since.replace(now));
        // SAFETY: `charged` is alive: a thread leaves the chain it pays for before it is freed.
        match unsafe { self.charged.get().as_mut() } {
            Some(thread) => thread.task.charge(ran),
            None => add(&self.metrics.idle_time, ran),
        }
    }

    /// From now on `thread` (or nobody) pays.
    pub fn charge_to(&self, thread: *mut Thread) {
        self.account(timer::now());
        self.charged.set(thread);
    }

    /// From now on whoever the running thread works for pays. Done on every CPU when a call is cut short.
    pub fn charge_anew(_: u64) {
        let here = cpu::current();
        // SAFETY: the current thread lives while it runs.
        if let Some(thread) = unsafe { here.current.get().as_ref() } {
            here.scheduler().charge_to(thread.payer());
        }
    }

    /// Makes sure that the timer fires no later than `deadline`.
    pub fn arm_by(&self, deadline: u64) {
        let armed = self.armed.get();
        if deadline != u64::MAX && (armed == 0 || deadline < armed) {
            self.armed.set(deadline);
            timer::arm(deadline);
        }
    }
}

/// Counts `more` in a metric of this CPU, or under the lock of its ready queue.
fn add(metric: &Cell<u64>, more: u64) {
    metric.set(metric.get() + more);
}

/// Every CPU's scheduler, by logical number.
pub static SCHEDULERS: [Scheduler; MAX_CPUS] = [const { Scheduler::new() }; MAX_CPUS];
crate::root!("schedulers", SCHEDULERS: [Scheduler; MAX_CPUS]);

/// The scheduler of the calling CPU.
#[inline]
pub fn local() -> &'static Scheduler {
    &SCHEDULERS[cpu::current().number() % MAX_CPUS]
}

/// The thread whose system call, fault or interrupt this is.
///
/// # Safety
/// The caller runs on behalf of a thread: not in the idle loop.
#[inline]
pub unsafe fn current() -> &'static mut Thread {
    // SAFETY: `current` is not null outside the idle loop, and the thread lives while it runs.
    unsafe { &mut *cpu::current().current.get() }
}

/// Makes a thread ready that its caller took out of its wait list, and places it on a CPU.
///
/// # Safety
/// The caller owns the wake-up: `thread` is alive, in no wait list and in no queue.
pub unsafe fn make_ready(thread: *mut Thread) {
    // SAFETY: the caller owns the thread until it is queued.
    unsafe {
        let task = &raw mut (*thread).task;
        let target = place(&*task);
        crate::trace::event!(wakeup, (*thread).id, target);
        enqueue(thread, target);
    }
}

/// Chooses the CPU for a thread that becomes ready: where it ran last if it may run at once
/// there, else the least loaded one that it is allowed on.
fn place(task: &Task) -> usize {
    let busy_on = task.on_cpu.load(Ordering::Acquire);
    if busy_on >= 0 {
        return busy_on as usize;
    }
    let load = |cpu: usize| SCHEDULERS[cpu].load.load(Relaxed);
    let last = task.last_cpu.load(Relaxed) as usize;
    let allowed = task.affinity.load(Relaxed) & percpu::online_mask();
    if allowed >> last & 1 != 0 && load(last) == 0 {
        return last;
    }
    let candidates = percpu::cpus(allowed).map(|cpu| cpu.number());
    let best = candidates.min_by_key(|&cpu| (load(cpu), cpu != last));
    best.unwrap_or(last)
}

/// Puts a thread into the queue of CPU `target` and has that CPU look if it should run at once.
///
/// # Safety
/// As for `make_ready`; if the thread is still on a CPU, nobody runs it before that lets go of it.
pub unsafe fn enqueue(thread: *mut Thread, target: usize) {
    let now = timer::now();
    // SAFETY: as the caller promises.
    unsafe { insert(thread, target, false, now) };
    look_at(target, thread, now);
}

/// Puts a thread into the queue of CPU `target`, before its equals or behind them.
///
/// # Safety
/// As for `enqueue`.
unsafe fn insert(thread: *mut Thread, target: usize, at_front: bool, now: u64) {
    let scheduler = &SCHEDULERS[target];
    // SAFETY: the caller owns the thread until it is in the queue; under the queue's lock it
    // belongs to this function.
    unsafe {
        let task = &mut (*thread).task;
        let mut ready = scheduler.ready.lock();
        let floor = ready.floor.load(Relaxed);
        let last = task.last_cpu.swap(target as i32, Relaxed) as usize;
        if last != target {
            task.metrics.migrations += 1;
            add(&scheduler.metrics.migrations, 1);
            crate::trace::event!(migrate, (*thread).id, target);
            let from = (*SCHEDULERS[last].ready.as_ptr()).floor.load(Relaxed);
            task.virtual_time = (task.virtual_time + floor).saturating_sub(from);
        }
        if !at_front {
            let earliest = floor.saturating_sub(FAIR_LATENCY / 2);
            task.virtual_time = task.virtual_time.max(earliest);
        }
        task.ready_since = now;
        task.queue.store(target as i32, Relaxed);
        ready.insert(task, at_front);
        scheduler.load.fetch_add(1, Relaxed);
    }
}

/// Has CPU `target` reconsider who runs there, now that `thread` is ready on it.
fn look_at(target: usize, thread: *mut Thread, now: u64) {
    let running = CPUS[target].current.get();
    let scheduler = &SCHEDULERS[target];
    // SAFETY: a thread that another CPU shows as current is not freed before this CPU has left
    // the kernel (grace period); only atomics and a hint are read from it.
    let (thread, running) = unsafe { (&*thread, running.as_ref()) };
    let preempts = running.is_none_or(|running| thread.task.preempts(&running.task));
    if preempts {
        smp::reschedule(target);
    } else if target == cpu::current().number() {
        start_slice(scheduler, now);
    } else if scheduler.slice_end.get() == u64::MAX {
        smp::kick(target, smp::RESCHEDULE);
    }
}

/// Starts the slice of the running thread if it has equals that wait and none is running yet.
fn start_slice(scheduler: &Scheduler, now: u64) {
    if scheduler.slice_end.get() != u64::MAX {
        return;
    }
    // SAFETY: the calling CPU's current thread, or null in the idle loop.
    let Some(running) = (unsafe { cpu::current().current.get().as_ref() }) else {
        return;
    };
    let rank = running.task.rank();
    let load = scheduler.load.load(Relaxed).max(1) as u64;
    let length = match rank {
        _ if scheduler.top_rank() != rank as i32 => return,
        RANK_ROUND_ROBIN => SLICE,
        RANK_FAIR => (FAIR_LATENCY / load).max(FAIR_MINIMUM),
        _ => return,
    };
    scheduler.slice_end.set(now + length);
    scheduler.arm_by(now + length);
}

/// Gives up the CPU: the current thread, if any, is already blocked, dead or queued.
/// Picks the next thread, or idles.
pub fn reschedule() -> ! {
    let here = cpu::current();
    let scheduler = local();
    leave_current();
    loop {
        scheduler.need_resched.store(false, Relaxed);
        let task = scheduler.ready.lock().pop();
        if !task.is_null() {
            // SAFETY: just taken out of a queue, so this CPU owns it.
            unsafe { dispatch(here, scheduler, container!(task, Thread, task)) }
        }
        if !balance::pull(here.number(), 0) {
            idle(here, scheduler);
        }
    }
}

/// Ends the time of the thread that had this CPU: from here on the CPU does not touch it.
pub fn leave_current() {
    let scheduler = local();
    let previous = cpu::current().current.replace(null_mut());
    scheduler.account(timer::now());
    scheduler.charged.set(null_mut());
    scheduler.slice_end.set(u64::MAX);
    // SAFETY: `previous` was running here, and cannot be freed before this CPU lets go of it.
    if let Some(previous) = unsafe { previous.as_ref() } {
        super::fpu::save_local();
        scheduler.load.fetch_sub(1, Relaxed);
        previous.task.on_cpu.store(-1, Ordering::Release);
    }
}

/// Runs `thread` on this CPU.
///
/// # Safety
/// The caller owns the thread: it is alive, ready, and in no queue.
unsafe fn dispatch(here: &PerCpu, scheduler: &Scheduler, thread: *mut Thread) -> ! {
    // SAFETY: the caller owns the thread.
    let t = unsafe { &mut *thread };
    while t.task.on_cpu.load(Ordering::Acquire) >= 0 {
        crate::lock::spin();
    }
    let now = timer::now();
    t.task.on_cpu.store(here.number() as i32, Relaxed);
    let waited = now.saturating_sub(t.task.ready_since);
    t.task.metrics.dispatched(waited);
    add(&scheduler.metrics.switches, 1);
    here.current.set(thread);
    scheduler.since.set(now);
    scheduler.charged.set(t.payer());
    crate::trace::event!(switch, t.id, t.task.rank());
    start_slice(scheduler, now);
    scheduler.arm_by(scheduler.timers.next());
    #[cfg(debug_assertions)]
    super::invariants::after_switch(here.number());
    // SAFETY: the thread is this CPU's now.
    unsafe { resume(thread) }
}

/// Enters user mode as `thread`, unless it is to end.
///
/// # Safety
/// `thread` is the calling CPU's current thread.
pub unsafe fn resume(thread: *mut Thread) -> ! {
    // SAFETY: the caller promises that the thread runs here.
    unsafe {
        let t = &mut *thread;
        if t.flags.load(Ordering::Acquire) & flag::KILLED != 0 {
            crate::process::lifecycle::die(t);
        }
        t.activate();
        context::resume(thread)
    }
}

/// The one way from the kernel back to user mode after an interrupt or a fault, and after a
/// system call that made another thread ready.
pub fn leave_kernel() -> ! {
    let here = cpu::current();
    let scheduler = local();
    let thread = here.current.get();
    if thread.is_null() {
        reschedule();
    }
    if scheduler.need_resched.load(Relaxed) {
        // SAFETY: the current thread is this CPU's; it is queued here and then left.
        unsafe {
            scheduler.account(timer::now());
            requeue(scheduler, here.number(), thread);
        }
        reschedule();
    }
    // SAFETY: it is the current thread.
    unsafe { resume(thread) }
}

/// Whether the current thread must be looked at before user mode is entered again.
pub fn attention_needed() -> bool {
    // SAFETY: the current thread lives while it runs.
    let killed = unsafe { cpu::current().current.get().as_ref() }
        .is_some_and(|thread| thread.flags.load(Relaxed) & flag::KILLED != 0);
    killed || local().need_resched.load(Relaxed)
}

/// Puts the running thread back into this CPU's queue, behind its equals if its slice is over, or
/// into that of another CPU if its affinity has changed.
///
/// # Safety
/// `thread` runs on this CPU, which leaves it right after.
unsafe fn requeue(scheduler: &Scheduler, number: usize, thread: *mut Thread) {
    let now = timer::now();
    // SAFETY: the caller promises that the thread is this CPU's; `on_cpu` keeps another from
    // running it too early.
    unsafe {
        let allowed = (*thread).task.affinity.load(Relaxed) & percpu::online_mask();
        if allowed == 0 || allowed >> number & 1 != 0 {
            insert(thread, number, now < scheduler.slice_end.get(), now);
        } else {
            enqueue(thread, allowed.trailing_zeros() as usize);
        }
    }
}

/// Lets the other ready threads of the current thread's rank run first.
pub fn yield_current() -> ! {
    let scheduler = local();
    scheduler.slice_end.set(0);
    scheduler.need_resched.store(true, Relaxed);
    leave_kernel()
}

/// The timer interrupt of this CPU.
pub fn tick() {
    let scheduler = local();
    let now = timer::now();
    scheduler.armed.set(0);
    add(&scheduler.metrics.ticks, 1);
    scheduler.timers.expire(now);
    let thread = cpu::current().current.get();
    if !thread.is_null() {
        if now >= scheduler.slice_end.get() {
            scheduler.need_resched.store(true, Relaxed);
        } else {
            scheduler.arm_by(scheduler.slice_end.get());
        }
    }
    if now.saturating_sub(scheduler.balanced.get()) > balance::PERIOD {
        scheduler.balanced.set(now);
        let load = scheduler.load.load(Relaxed);
        balance::pull(cpu::current().number(), load + 1);
    }
    scheduler.arm_by(scheduler.timers.next());
}

/// Waits for work with the CPU halted.
fn idle(here: &'static PerCpu, scheduler: &Scheduler) {
    scheduler.since.set(timer::now());
    while scheduler.top_rank() < 0 && !scheduler.need_resched.load(Relaxed) {
        if here.state() == CpuState::Changing {
            super::hotplug::leave(here);
        }
        scheduler.arm_by(scheduler.timers.next());
        cpu::wait_for_interrupt();
    }
    scheduler.account(timer::now());
}

/// Where this CPU starts scheduling.
pub fn start() -> ! {
    local().since.set(timer::now());
    // A CPU that was offline has lost the deadline it was armed for.
    local().armed.set(0);
    reschedule()
}
