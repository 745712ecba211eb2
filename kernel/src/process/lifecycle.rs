//! How threads and processes begin and end.
//!
//! A started thread holds a use of itself until it has ended; a live process one of itself until it has been
//! taken down. Threads end on the CPU that runs them: a kill sets `flag::KILLED` and brings the thread
//! to a point where it looks, by ending its wait or by interrupting its CPU. Whoever takes the last
//! thread out of a process takes that down, once: capabilities, then memory, then those who wait for its
//! end. The count of threads and the step to `Exiting` change under one lock, so that a kill knows
//! whether there is still a thread to do it.

use core::ptr::{NonNull, null, null_mut};
use core::sync::atomic::{Ordering, Ordering::Relaxed};

use super::pcb::{Life, Process, TREE, Tree};
use super::thread::{Thread, ThreadObject, flag};
use super::wait;
use crate::arch::cpu;
use crate::cap::{self, Object, Progress, Use};
use crate::sched::list::Link;
use crate::sched::{scheduler, smp};
use crate::syscall::Outcome;
use veridian_abi::Error;

/// Makes a new thread part of `process`.
///
/// # Errors
/// The process is ending.
pub fn join_process(process: &Process, thread: &mut Thread) -> Result<(), Error> {
    let mut members = process.members.lock();
    if process.is_ending() {
        return Err(Error::PeerDied);
    }
    thread.process = (&raw const *process).cast_mut();
    thread.space = process.space.as_ptr();
    // SAFETY: a new thread is in no list; it leaves this one before it is freed.
    unsafe { members.threads.push_front(&raw mut thread.sibling) };
    members.count += 1;
    Ok(())
}

/// Starts a thread that was made but never ran.
///
/// # Errors
/// It was started before, or killed.
pub fn start(thread: &mut Thread) -> Result<(), Error> {
    let before = thread.flags.fetch_or(flag::STARTED, Ordering::AcqRel);
    if before & (flag::STARTED | flag::KILLED | flag::DEAD) != 0 {
        return Err(Error::InvalidArgument);
    }
    if !thread.object.acquire() {
        return Err(Error::PeerDied);
    }
    // SAFETY: a thread that has not started is in no list, and only the first caller comes here.
    unsafe { scheduler::make_ready(thread) };
    Ok(())
}

/// Marks a thread as killed and sees to it that it notices. The caller holds no lock, and uses nothing
/// afterwards that it only looked up before.
///
/// # Safety
/// The thread is alive or covered by a grace period.
pub unsafe fn kill_thread(thread: *mut Thread) {
    // SAFETY: the caller promises the thread's memory.
    let t = unsafe { &mut *thread };
    let before = t.flags.fetch_or(flag::KILLED, Ordering::SeqCst);
    if before & (flag::KILLED | flag::DEAD) != 0 {
        return;
    }
    if before & flag::STARTED == 0 {
        if let Some(process) = leave_process(t) {
            // SAFETY: as in `die`.
            take_down(unsafe { process.as_ref() });
        }
        return;
    }
    if t.is_current() {
        scheduler::local().need_resched.store(true, Relaxed);
        return;
    }
    // SAFETY: as above.
    if unsafe { wait::cancel(thread, Error::Cancelled) } || !t.object.acquire() {
        return;
    }
    let running_on = t.task.on_cpu.load(Ordering::SeqCst);
    if running_on >= 0 {
        smp::reschedule(running_on as usize);
    }
    // Behind the barrier it is in user mode, and ends when it is interrupted, or it waits now.
    smp::barrier();
    // SAFETY: a use was taken above.
    unsafe { wait::cancel(thread, Error::Cancelled) };
    t.object.release();
}

/// Ends the current thread.
pub fn die(thread: &mut Thread) -> ! {
    debug_assert!(thread.is_current());
    fail_caller(thread);
    crate::sched::fpu::discard(thread);
    let last = leave_process(thread);
    crate::mm::tlb::leave();
    scheduler::leave_current();
    if let Some(process) = last {
        // SAFETY: the process had a use of itself, which is given up in `take_down`.
        unsafe { take_down(process.as_ref()) };
    }
    thread.object.release();
    cap::reap();
    scheduler::reschedule()
}

/// Tells the caller that the thread was serving that nobody will answer.
fn fail_caller(thread: &Thread) {
    let caller = thread.ipc.caller.swap(null_mut(), Ordering::AcqRel);
    // SAFETY: a caller clears the link before it is freed, and a grace period covers the rest;
    // that it still waits for this thread is checked under the lock of its wait.
    if let Some(caller) = unsafe { wait::claim(caller, |wait| wait.is_for(thread)) } {
        caller.finish(Err(Error::PeerDied));
    }
}

/// Takes a thread that does not run any more out of its process and tells its joiners. Result: the
/// process, if this was its last thread.
fn leave_process(thread: &mut Thread) -> Option<NonNull<Process>> {
    let process = NonNull::new(thread.process)?;
    // SAFETY: a process exists as long as it has threads.
    let p = unsafe { process.as_ref() };
    let last = {
        let mut members = p.members.lock();
        // SAFETY: the thread is in the list, and the process's lock is held.
        unsafe { Link::unlink(&raw mut thread.sibling) };
        members.count -= 1;
        thread.flags.fetch_or(flag::DEAD, Ordering::AcqRel);
        let last = members.count == 0;
        if last {
            // No thread can join it any more, also when nobody has ended it.
            p.begin_end();
        }
        last
    };
    let (value, joined) = (thread.exit_value.load(Relaxed), &raw mut *thread);
    // SAFETY: joiners are guarded by the process's lock.
    while wait::wake(&p.members, |_| unsafe { &mut (*joined).joiners }, Ok(value)) {}
    thread.process = null_mut();
    last.then_some(process)
}

/// Ends a process: its threads are killed, and the last one takes it down. The caller holds no lock, and
/// uses nothing afterwards that it only looked up before.
pub fn kill(process: &Process, status: u8) {
    let Some(process) = Use::of(process) else {
        return;
    };
    let empty = {
        let members = process.members.lock();
        if !process.begin_end() {
            return;
        }
        process.status.store(status as u32, Relaxed);
        members.count == 0
    };
    if empty {
        return take_down(&process);
    }
    let victim = || {
        let members = process.members.lock();
        let mut others = members.threads().filter(|t| !t.is_current());
        let alive = |t: &&mut Thread| t.flags.load(Relaxed) & flag::KILLED == 0;
        let victim = others.find(|t| alive(t) && t.object.acquire());
        victim.map(|thread| &raw mut *thread)
    };
    while let Some(victim) = victim() {
        // SAFETY: a use was taken with the lock held.
        unsafe {
            kill_thread(victim);
            (*victim).object.release();
        }
    }
    // SAFETY: `current` may be null; a thread of this process is marked and ends when it leaves
    // the kernel.
    if let Some(current) = unsafe { cpu::current().current.get().as_ref() }
        && core::ptr::eq(current.process, &*process)
    {
        current.flags.fetch_or(flag::KILLED, Ordering::SeqCst);
        scheduler::local().need_resched.store(true, Relaxed);
    }
}

/// Frees what a process without threads has and tells those who wait for its end.
fn take_down(process: &Process) {
    crate::trace::event!(exit, process.pid, process.status.load(Relaxed));
    process.space.close();
    let memory = process.memory.lock().take();
    drop(memory);
    let init = core::ptr::eq(TREE.lock().init, process);
    hand_on_children(process);
    process.advance(Life::Exiting, Life::Zombie);
    let status = process.status.load(Relaxed) as u64;
    while wait::wake(&process.members, |m| &mut m.waiters, Ok(status)) {}
    tell_parent(process, status);
    if init {
        // Nobody is left who could start anything.
        crate::println!("veridian: init ended");
        crate::arch::power::exit(status as u8);
    }
    process.object.release();
}

/// Hands the children of an ending process to init.
fn hand_on_children(process: &Process) {
    let mut tree = TREE.lock();
    if core::ptr::eq(tree.init, process) {
        tree.init = null();
    }
    while let Some(child) = tree.children(process).next() {
        tree.orphan(child);
        // SAFETY: init exists as long as it is named here.
        if let (false, Some(init)) = (child.life() == Life::Zombie, unsafe { tree.init.as_ref() }) {
            tree.adopt(init, child);
        }
    }
}

/// Wakes one thread of the parent that waits for any child; that thread reaps this one.
fn tell_parent(process: &Process, status: u64) {
    let mut tree = TREE.lock();
    let Some(parent) = tree.parent(process) else {
        return;
    };
    let waiter = parent.members.lock().child_waiters.pop();
    if let Some(waiter) = waiter {
        tree.orphan(process);
        drop(tree);
        let value = process.pid as u64;
        waiter.end(Outcome { status, value });
    }
}

/// A zombie child of `process`, reaped: its pid and status.
pub fn reap_any(process: &Process, tree: &mut Tree) -> Option<(u32, u32)> {
    let mut children = tree.children(process);
    let child = children.find(|child| child.life() == Life::Zombie)?;
    tree.orphan(child);
    Some((child.pid, child.status.load(Relaxed)))
}

/// A thread object's capabilities have changed: ends joins through those that are gone.
pub fn sweep_thread(object: &Object) -> Progress {
    // SAFETY: this operation is installed in threads alone; the thread exists while it is swept, its
    // process as long as it is named.
    let (joiners, process) = unsafe {
        let thread = (*(&raw const *object).cast::<ThreadObject>()).get();
        (&mut thread.joiners, thread.process.as_ref())
    };
    wait::sweep(|| {
        let _members = process?.members.lock();
        joiners.take_dead()
    })
}

/// Gives up the use of a dead thread's fault handler.
pub fn drop_fault_handler(thread: &mut Thread) {
    let handler = thread.fault_handler.swap(null_mut(), Ordering::AcqRel);
    // SAFETY: a use was taken when the handler was set.
    if let Some(handler) = unsafe { handler.as_ref() } {
        handler.release();
    }
}
