//! How threads and processes begin and end.
//!
//! A started thread holds a use of itself until it has ended; a live process one of itself until it has been
//! taken down. Threads end on the CPU that runs them: a kill sets `flag::KILLED` and brings the thread
//! to a point where it looks, by ending its wait or by interrupting its CPU. The last thread
//! to leave a process takes it down: capabilities, then memory, then those who wait for its end.

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering, Ordering::Relaxed};

use super::pcb::{Life, Process, TREE, Tree};
use super::thread::{RunState, Thread, ThreadObject, flag};
use super::wait;
use crate::arch::cpu;
use crate::cap::{self, Object, Progress};
use crate::lock::Guard;
use crate::percpu::MAX_CPUS;
use crate::sched::{scheduler, smp};
use veridian_abi::Error;

static KILL_LISTS: [AtomicPtr<Thread>; MAX_CPUS] = [const { AtomicPtr::new(null_mut()) }; MAX_CPUS];

/// Makes a new thread part of `process`.
///
/// # Errors
/// The process is ending.
pub fn join_process(process: &Process, thread: &mut Thread) -> Result<(), Error> {
    let mut members = process.members();
    if matches!(process.life(), Life::Exiting | Life::Zombie) {
        return Err(Error::PeerDied);
    }
    thread.process = (&raw const *process).cast_mut();
    thread.space = process.space.load(Relaxed);
    thread.next = members.threads;
    thread.previous = null_mut();
    // SAFETY: threads in the list are alive, and the process's lock is held.
    if let Some(first) = unsafe { members.threads.as_mut() } {
        first.previous = thread;
    }
    members.threads = thread;
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
    thread.state.store(RunState::Alive as u8, Relaxed);
    // SAFETY: a thread that has not started is in no list, and only the first caller comes here.
    unsafe { scheduler::make_ready(thread) };
    Ok(())
}

/// Marks a thread as killed and sees to it that it notices.
///
/// # Safety
/// The thread is alive or covered by a grace period.
pub unsafe fn kill_thread(thread: *mut Thread) {
    // SAFETY: the caller promises the thread's memory.
    let t = unsafe { &mut *thread };
    if t.flags.fetch_or(flag::KILLED, Ordering::SeqCst) & (flag::KILLED | flag::DEAD) != 0 {
        return;
    }
    if t.flags.load(Relaxed) & flag::STARTED == 0 {
        leave_process(t);
        return;
    }
    // SAFETY: as above.
    if unsafe { wait::cancel(thread, Error::Cancelled) } {
        return;
    }
    let running_on = t.task.on_cpu.load(Ordering::SeqCst);
    if running_on >= 0 && t.object.acquire() {
        let list = &KILL_LISTS[running_on as usize];
        let mut first = list.load(Relaxed);
        loop {
            t.next_killed.store(first, Relaxed);
            match list.compare_exchange_weak(first, thread, Ordering::Release, Relaxed) {
                Ok(_) => break,
                Err(now) => first = now,
            }
        }
        if running_on == cpu::current().index.get() as i32 {
            kill_requested();
        } else {
            smp::kick(running_on as usize, smp::KILL);
        }
    }
}

/// Looks again at the threads that ran here when they were killed: by now each is in user mode (and
/// ends when the kernel is left), or waits (and the wait ends now).
pub fn kill_requested() {
    let list = &KILL_LISTS[cpu::current().number()];
    let mut next = list.swap(null_mut(), Ordering::Acquire);
    while let Some(thread) = NonNull::new(next) {
        // SAFETY: the list holds a use of each thread in it.
        unsafe {
            next = thread.as_ref().next_killed.load(Relaxed);
            wait::cancel(thread.as_ptr(), Error::Cancelled);
            thread.as_ref().object.release();
        }
    }
    scheduler::local().need_resched.store(true, Relaxed);
}

/// Ends the current thread.
pub fn die(thread: &mut Thread) -> ! {
    debug_assert!(thread.is_current());
    fail_caller(thread);
    crate::sched::fpu::discard(thread);
    let last = leave_process(thread);
    crate::mm::tlb::leave();
    scheduler::forget_current();
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
    unsafe {
        if !caller.is_null() && wait::claim_from(caller, thread) {
            wait::finish(caller, Error::PeerDied as i64 as u64, 0);
        }
    }
}

/// Takes a thread that does not run any more out of its process and tells its joiners. Result: the
/// process, if this was its last thread.
fn leave_process(thread: &mut Thread) -> Option<NonNull<Process>> {
    let process = NonNull::new(thread.process)?;
    // SAFETY: a process exists as long as it has threads.
    let p = unsafe { process.as_ref() };
    let last = {
        let mut members = p.members();
        // SAFETY: neighbours in the list are alive, and the process's lock is held.
        unsafe {
            match thread.previous.as_mut() {
                Some(previous) => previous.next = thread.next,
                None => members.threads = thread.next,
            }
            if let Some(next) = thread.next.as_mut() {
                next.previous = thread.previous;
            }
        }
        members.count -= 1;
        thread.flags.fetch_or(flag::DEAD, Ordering::AcqRel);
        thread.state.store(RunState::Dead as u8, Relaxed);
        members.count == 0
    };
    loop {
        let joiner = {
            let _members = p.members();
            // SAFETY: joiners are guarded by the process's lock.
            unsafe { thread.joiners.pop() }
        };
        if joiner.is_null() {
            break;
        }
        // SAFETY: just popped, so its wake-up is this function's.
        unsafe { wait::finish(joiner, 0, thread.exit_value.load(Relaxed)) };
    }
    thread.process = null_mut();
    last.then_some(process)
}

/// Ends a process: its threads are killed, and the last one takes it down.
pub fn kill(process: &Process, status: u8) {
    let created = process.advance(Life::Created, Life::Exiting);
    if !created && !process.advance(Life::Alive, Life::Exiting) {
        return;
    }
    process.status.store(status as u32, Relaxed);
    loop {
        let victim = {
            let members = process.members();
            let mut thread = members.threads;
            // SAFETY: threads in the list are alive, and the process's lock is held.
            while let Some(t) = unsafe { thread.as_ref() } {
                if t.flags.load(Relaxed) & flag::KILLED == 0
                    && !t.is_current()
                    && t.object.acquire()
                {
                    break;
                }
                thread = t.next;
            }
            thread
        };
        let Some(victim) = NonNull::new(victim) else {
            break;
        };
        // SAFETY: a use was taken above.
        unsafe {
            kill_thread(victim.as_ptr());
            victim.as_ref().object.release();
        }
    }
    // SAFETY: `current` may be null; a thread of this process is marked and ends when it leaves
    // the kernel.
    if let Some(current) = unsafe { cpu::current().current.get().as_ref() }
        && core::ptr::eq(current.process, process)
    {
        current.flags.fetch_or(flag::KILLED, Ordering::SeqCst);
        return;
    }
    if created {
        take_down(process);
    }
}

/// Frees what a process without threads has and tells those who wait for its end.
fn take_down(process: &Process) {
    crate::trace::event!(exit, process.pid, process.status.load(Relaxed));
    // SAFETY: no thread looks up in the space any more; it is freed here alone.
    unsafe { process.capabilities().close() };
    drop(process.replace_memory(None));
    let init = core::ptr::eq(TREE.lock().init, process);
    adopt_children(process);
    process.advance(Life::Exiting, Life::Zombie);
    let status = process.status.load(Relaxed) as u64;
    loop {
        // SAFETY: waiters are guarded by the process's lock; what is popped is this function's.
        let waiter = unsafe { process.members().waiters.pop() };
        if waiter.is_null() {
            break;
        }
        // SAFETY: as above.
        unsafe { wait::finish(waiter, 0, status) };
    }
    tell_parent(process, status);
    if init {
        // Nobody is left who could start anything.
        crate::println!("veridian: init ended");
        crate::arch::power::exit(status as u8);
    }
    process.object().release();
}

/// Hands the children of an ending process to init.
fn adopt_children(process: &Process) {
    let mut tree = TREE.lock();
    let init = tree.init;
    // SAFETY: children in the tree exist, under the tree's lock.
    while let Some(child) = unsafe { process.kin(&mut tree).children.as_ref() } {
        child.orphan(&mut tree);
        if child.life() == Life::Zombie || init.is_null() || core::ptr::eq(init, process) {
            continue;
        }
        // SAFETY: init exists as long as it is named here.
        let elder = unsafe { &*init };
        child.kin(&mut tree).parent = init;
        child.kin(&mut tree).next_sibling = elder.kin(&mut tree).children;
        elder.kin(&mut tree).children = (&raw const *child).cast_mut();
    }
    if core::ptr::eq(init, process) {
        tree.init = null_mut();
    }
}

/// Wakes one thread of the parent that waits for any child; that thread reaps this one.
fn tell_parent(process: &Process, status: u64) {
    let mut tree = TREE.lock();
    let parent = process.kin(&mut tree).parent;
    // SAFETY: a parent in the tree exists, under the tree's lock.
    let Some(parent) = (unsafe { parent.as_ref() }) else {
        return;
    };
    // SAFETY: guarded by the parent's lock; what is popped is this function's.
    let waiter = unsafe { parent.members().child_waiters.pop() };
    if !waiter.is_null() {
        process.orphan(&mut tree);
        drop(tree);
        // SAFETY: as above.
        unsafe { wait::finish(waiter, status, process.pid as u64) };
    }
}

/// Reaps a zombie that was waited for: it is nobody's child any more.
pub fn reap(process: &Process) {
    process.orphan(&mut TREE.lock());
}

/// A zombie child of `process`, reaped: its pid and status.
pub fn reap_any(process: &Process, tree: &mut Guard<'_, Tree>) -> Option<(u32, u32)> {
    let mut child = process.kin(tree).children;
    // SAFETY: children in the tree exist, under the tree's lock.
    while let Some(c) = unsafe { child.as_ref() } {
        if c.life() == Life::Zombie {
            c.orphan(tree);
            return Some((c.pid, c.status.load(Relaxed)));
        }
        child = c.kin(tree).next_sibling;
    }
    None
}

/// A thread object's capabilities have changed: ends joins through those that are gone.
pub fn sweep_thread(object: &Object) -> Progress {
    // SAFETY: this operation is installed in threads alone.
    let thread = unsafe { &*(&raw const *object).cast::<ThreadObject>() }.thread();
    // SAFETY: the thread exists while it is swept; its process as long as it is named.
    let joiner = unsafe {
        match (*thread).process.as_ref() {
            Some(process) => {
                let _members = process.members();
                wait::take_dead(&(*thread).joiners)
            }
            None => None,
        }
    };
    match joiner {
        // SAFETY: `take_dead` unlinked it, so its wake-up is this function's.
        Some(joiner) => unsafe {
            wait::finish(joiner, Error::Revoked as i64 as u64, 0);
            Progress::More
        },
        None => Progress::Done,
    }
}

/// Gives up the use of a dead thread's fault handler.
pub fn drop_fault_handler(thread: &mut Thread) {
    let handler = thread.fault_handler.swap(null_mut(), Ordering::AcqRel);
    // SAFETY: a use was taken when the handler was set.
    if let Some(handler) = unsafe { handler.as_ref() } {
        handler.release();
    }
}
