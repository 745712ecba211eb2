//! Floating-point and vector state.
//!
//! The kernel never uses the FPU, so a thread's state may stay in it while the kernel runs and
//! while IPC switches directly to a thread that does not use it. State is loaded on first use
//! (the FPU is off until then and traps) and saved when the scheduler leaves a thread: most
//! system servers never touch the FPU, so they neither load nor save anything, and outside of
//! direct IPC switches no live state ever stays behind on another CPU.
//!
//! Invariant: `Scheduler::fpu_owner` of a CPU is the thread whose live state that CPU's FPU holds,
//! and then `Thread::fpu_cpu` names the CPU; at most one CPU holds a thread's state.

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::Ordering;

use super::scheduler::{current, local};
use super::smp;
use crate::arch::{context, context::FpuState, cpu};
use crate::mm::OutOfMemory;
use crate::mm::heap::Cache;
use crate::percpu::PerCpu;
use crate::process::thread::Thread;

static STATES: Cache<FpuState> = Cache::new("floating-point state");

/// Gives the current thread the FPU: called when it touched it while it was off.
///
/// # Errors
/// There is no memory for its state.
pub fn first_use() -> Result<(), OutOfMemory> {
    let (here, scheduler) = (cpu::current(), local());
    // SAFETY: the trap came from user mode, so there is a current thread.
    let thread = unsafe { current() };
    if scheduler.fpu_owner.get() != &raw mut *thread {
        save_local();
        collect(thread);
        let state = match thread.fpu {
            Some(state) => state,
            None => *thread
                .fpu
                .insert(STATES.allocate_with(FpuState::default())?),
        };
        context::fpu_enable();
        // SAFETY: the state belongs to the thread, which is current, and nobody else uses it.
        unsafe { context::fpu_restore(state.as_ref()) };
        scheduler.fpu_owner.set(thread);
        let here = here.index.get() as i32;
        thread.fpu_cpu.store(here, Ordering::Release);
    }
    context::fpu_enable();
    here.fpu_on.set(true);
    Ok(())
}

/// Saves whatever live state this CPU holds and turns the FPU off.
pub fn save_local() {
    let scheduler = local();
    let owner = scheduler.fpu_owner.replace(null_mut());
    // SAFETY: an owner gives its state up (`discard`) before it is freed.
    if let Some(owner) = unsafe { owner.as_mut() } {
        context::fpu_enable();
        if let Some(mut state) = owner.fpu {
            // SAFETY: the live state is the owner's, and so is the memory.
            unsafe { context::fpu_save(state.as_mut()) };
        }
        owner.fpu_cpu.store(-1, Ordering::Release);
    }
    context::fpu_disable();
    cpu::current().fpu_on.set(false);
}

/// Turns the FPU off for a direct switch to another thread; live state stays in it.
#[inline(always)]
pub fn suspend(here: &PerCpu) {
    if here.fpu_on.get() {
        context::fpu_disable();
        here.fpu_on.set(false);
    }
}

/// A copy of a state that is in memory, for a forked thread.
///
/// # Errors
/// There is no memory for it.
pub fn copy(state: NonNull<FpuState>) -> Result<NonNull<FpuState>, OutOfMemory> {
    // SAFETY: the caller's thread has the state, and it is not live.
    STATES.allocate_with(unsafe { state.as_ref() }.clone())
}

/// Makes sure that a thread's state is in memory, wherever it was live.
pub fn collect(thread: &Thread) {
    let holder = thread.fpu_cpu.load(Ordering::Acquire);
    if holder < 0 {
        return;
    }
    if holder == cpu::current().index.get() as i32 {
        save_local();
    } else {
        smp::call(1 << holder, |_| save_local(), 0);
    }
}

/// Forgets a dying thread's state and frees its memory.
pub fn discard(thread: &mut Thread) {
    collect(thread);
    if let Some(state) = thread.fpu.take() {
        // SAFETY: the thread's own, and not live anywhere.
        unsafe { STATES.free(state) };
    }
}
