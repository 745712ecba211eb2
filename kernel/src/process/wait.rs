//! Waiting: one shape for everything a thread can block on.
//!
//! Model: an object has one or more wait lists and one lock that guards them. A waiting thread is
//! linked into one list and names that lock in `Wait::lock`; the links are circular with the
//! list's anchor as sentinel, so that a thread can be taken out without knowing which list it is in.
//! A caller whose message was taken moves to the endpoint's list of calls in flight.
//!
//! Exactly one party ends a wait: whoever unlinks the thread under the lock. That party alone then
//! sets the result and calls `make_ready`.
//!
//! Lock order: a wait's lock has rank `Channel`, `WaitQueue` or `Process`; the run queue comes after.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::thread::Thread;
use crate::cap::{Binding, Progress};
use crate::ipc::reply::Reply;
use crate::lock::{Guard, SpinLock};
use crate::sched::list::{Link, List, container};
use crate::sched::scheduler::{self, Scheduler};
use crate::sched::{smp, timers};
use crate::syscall::Outcome;
use veridian_abi::{Error, MessageInfo};

crate::described! {
    /// What a blocked thread waits for, as `inspect` shows it.
    #[repr(u8)]
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub enum Reason {
        /// Not waiting.
        #[default]
        None,
        /// For a receiver to take its message, without reply.
        Send,
        /// For a receiver to take its call.
        Call,
        /// For a message.
        Receive,
        /// For the reply of the thread that took its call.
        Reply,
        /// For a notification.
        Notification,
        /// For a message in an asynchronous channel.
        Channel,
        /// For the word at a user address to change.
        Futex,
        /// For a mutex word's owner to unlock it.
        Mutex,
        /// For a point in time.
        Sleep,
        /// For a thread to end.
        Join,
        /// For a process to end.
        Exit,
        /// For console input.
        Console,
        /// For the fault handler's answer.
        Fault,
        /// For its rate limit to refill.
        Limit,
    }
}

crate::described! {
    /// A thread's wait.
    #[repr(C)]
    #[derive(Default)]
    pub struct Wait {
        /// Place in the wait list.
        pub link: Link,
        /// Lock that guards the list, or null when in no list.
        pub lock: AtomicPtr<SpinLock<()>>,
        /// What for.
        pub reason: Reason,
        /// The time until the reply comes is measured.
        pub measured: bool,
        /// Kernel object, or address, it waits for; for `inspect`.
        pub object: u64,
        /// Capability it blocked through; when that dies, so does the wait.
        pub via: Binding,
        /// Who took its call and is to answer; null while nobody has.
        pub server: AtomicPtr<Thread>,
        /// The reply object that stands for the answer, once the server has saved it.
        pub reply: AtomicPtr<Reply>,
    }
}

impl Wait {
    /// Whether it is for a reply whose time nobody measures.
    #[inline(always)]
    pub fn is_for_plain_reply(&self) -> bool {
        // SAFETY: `repr(C)`: two bytes behind a pointer, so aligned; the second is `measured`.
        let both = unsafe { (&raw const self.reason).cast::<u16>().read() };
        both == u16::from_ne_bytes([Reason::Reply as u8, 0])
    }
}

crate::described! {
    /// Threads that wait for one thing.
    #[repr(C)]
    #[derive(Default)]
    pub struct WaitList {
        anchor: List,
    }
    anchor: pointer("veridian_kernel::sched::list::Link").list(&[
        Name::role(1, "next"),
        Name::inside("veridian_kernel::process::thread::Thread", "wait.link"),
    ])
}

impl WaitList {
    /// An empty list.
    pub const fn new() -> Self {
        Self {
            anchor: List::new(),
        }
    }

    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.anchor.is_empty()
    }

    /// The waiter of the highest rank that came first, or null.
    #[inline]
    pub fn first(&self) -> *mut Thread {
        thread_of(self.anchor.first())
    }

    /// As `first`, of a list that was settled.
    #[inline(always)]
    pub fn settled_first(&self) -> Option<*mut Thread> {
        let first = self.anchor.settled_first()?;
        Some(container!(first, Thread, wait.link))
    }

    /// Prepares the list for the functions that take that for granted.
    pub fn settle(&mut self) {
        self.anchor.settle();
    }

    /// The first waiter for which `wanted` holds, or null. The list's lock is held.
    pub fn find(&self, wanted: impl Fn(&Thread) -> bool) -> *mut Thread {
        let mut threads = self.anchor.iter().map(thread_of);
        // SAFETY: threads in a list are alive while its lock is held.
        let found = threads.find(|&thread| wanted(unsafe { &*thread }));
        found.unwrap_or(null_mut())
    }

    /// Links `thread` behind every waiter of its rank or higher.
    ///
    /// # Safety
    /// The object's lock, which is `lock`, is held; `thread` is alive and in no list.
    pub unsafe fn insert(&mut self, thread: &mut Thread, lock: *const SpinLock<()>) {
        self.settle();
        // SAFETY: the caller's promise.
        unsafe { self.settled_insert(thread, lock) };
    }

    /// The same for a list that was settled.
    ///
    /// # Safety
    /// As for `insert`.
    #[inline(always)]
    pub unsafe fn settled_insert(&mut self, thread: &mut Thread, lock: *const SpinLock<()>) {
        let anchor = self.anchor.settled();
        // SAFETY: links in a list belong to live threads, under the lock that is held.
        unsafe {
            let mut before = (*anchor).previous;
            while before != anchor
                && (*container!(before, Thread, wait.link)).task.rank() < thread.task.rank()
            {
                before = (*before).previous;
            }
            link_behind(before, thread, lock);
        }
    }

    /// Links `thread` last, whatever its rank.
    ///
    /// # Safety
    /// As for `insert`.
    pub unsafe fn append(&mut self, thread: &mut Thread, lock: *const SpinLock<()>) {
        // SAFETY: as the caller promises; the anchor's previous is the last waiter.
        unsafe { link_behind((*self.anchor.settle()).previous, thread, lock) };
    }

    /// Links `thread` first, whatever its rank, into a list that was settled.
    ///
    /// # Safety
    /// As for `insert`.
    #[inline(always)]
    pub unsafe fn settled_push(&mut self, thread: &mut Thread, lock: *const SpinLock<()>) {
        // SAFETY: the caller's promise.
        unsafe { link_behind(self.anchor.settled(), thread, lock) };
    }

    /// Takes out the first waiter, or null. The caller then owns its wake-up.
    ///
    /// # Safety
    /// The object's lock is held.
    #[inline]
    pub unsafe fn pop(&mut self) -> *mut Thread {
        let thread = self.first();
        if !thread.is_null() {
            // SAFETY: the first waiter is in this list, whose lock is held.
            unsafe { unlink(thread) };
        }
        thread
    }
}

/// # Safety
/// As for `WaitList::insert`; `before` is in the list, or its anchor.
#[inline(always)]
unsafe fn link_behind(before: *mut Link, thread: &mut Thread, lock: *const SpinLock<()>) {
    // SAFETY: as the caller promises.
    unsafe { Link::insert_after(before, &raw mut thread.wait.link) };
    // Whoever follows it takes the lock before anything else.
    thread.wait.lock.store(lock.cast_mut(), Ordering::Relaxed);
}

/// Takes a thread out of the list it is in.
///
/// # Safety
/// The thread is in a list whose lock is held.
#[inline]
pub unsafe fn unlink(thread: *mut Thread) {
    // SAFETY: as the caller promises.
    unsafe {
        Link::unlink(&raw mut (*thread).wait.link);
        (*thread).wait.lock.store(null_mut(), Ordering::Release);
    }
}

/// The thread a link is part of; null for null.
#[inline]
fn thread_of(link: *mut Link) -> *mut Thread {
    if link.is_null() {
        return null_mut();
    }
    container!(link, Thread, wait.link)
}

/// Tries to become the one that ends `thread`'s wait, whatever it waits for.
///
/// # Safety
/// The thread is alive, or was found in a way that a grace period covers.
pub unsafe fn claim(thread: *mut Thread) -> bool {
    // SAFETY: the caller's promise; a thread with a lock is in a list.
    unsafe { with_wait(thread, |_| true, || unlink(thread)) }
}

/// Tries to become the one that ends the wait of a caller that `server` is to answer.
///
/// # Safety
/// As for `claim`.
pub unsafe fn claim_from(caller: *mut Thread, server: &Thread) -> bool {
    // SAFETY: as for `claim`.
    unsafe { with_wait(caller, served_by(server), || unlink(caller)) }
}

/// Tries to become the one that ends the wait of a caller that a reply object stands for.
///
/// # Safety
/// As for `claim`.
pub unsafe fn claim_reply(caller: *mut Thread, reply: &Reply) -> bool {
    let stands_for = |wait: &Wait| core::ptr::eq(wait.reply.load(Ordering::Relaxed), reply);
    // SAFETY: as for `claim`.
    unsafe { with_wait(caller, stands_for, || unlink(caller)) }
}

/// Runs `change` under the lock of the wait of a caller that `server` is to answer, and has nobody in
/// particular answer it from then on. False if the caller does not wait for `server` any more.
///
/// # Safety
/// As for `claim`.
pub unsafe fn hand_on(caller: *mut Thread, server: &Thread, change: impl FnOnce()) -> bool {
    // SAFETY: as for `claim`.
    unsafe {
        with_wait(caller, served_by(server), || {
            change();
            (*caller).wait.server.store(null_mut(), Ordering::Release);
        })
    }
}

fn served_by(server: &Thread) -> impl Fn(&Wait) -> bool {
    move |wait| core::ptr::eq(wait.server.load(Ordering::Relaxed), server)
}

/// Runs `change` under the lock of `thread`'s wait, if it waits and `wanted` holds under the lock.
///
/// # Safety
/// As for `claim`.
unsafe fn with_wait(
    thread: *mut Thread,
    wanted: impl Fn(&Wait) -> bool,
    change: impl FnOnce(),
) -> bool {
    loop {
        // SAFETY: the caller promises that the thread's memory is valid.
        let wait = unsafe { &(*thread).wait };
        let lock = wait.lock.load(Ordering::Acquire);
        // SAFETY: the lock belongs to an object that cannot be freed before this CPU has left the
        // kernel, even if the wait has just ended.
        let Some(guarded) = (unsafe { lock.as_ref() }) else {
            return false;
        };
        let _held = guarded.lock();
        if wait.lock.load(Ordering::Acquire) == lock {
            let wanted = wanted(wait);
            if wanted {
                change();
            }
            return wanted;
        }
    }
}

/// Ends `thread`'s wait with an error, if it waits and nobody else ends it first.
///
/// # Safety
/// As for `claim`.
pub unsafe fn cancel(thread: *mut Thread, error: Error) -> bool {
    // SAFETY: as the caller promises; a successful claim makes the wake-up this function's.
    unsafe {
        if !claim(thread) {
            return false;
        }
        finish(thread, error as i64 as u64, 0);
        true
    }
}

/// Ends `thread`'s wait because its deadline has passed, if nobody else ends it first.
///
/// # Safety
/// As for `claim`.
pub unsafe fn expire(thread: *mut Thread) {
    // SAFETY: as the caller promises; a successful claim makes the wake-up this function's.
    unsafe {
        if claim(thread) {
            let status = match (*thread).wait.reason {
                Reason::Sleep => 0,
                Reason::Limit => Error::Busy as i64,
                _ => Error::TimedOut as i64,
            };
            finish(thread, status as u64, 0);
        }
    }
}

/// Sets the result of a wait that the caller has claimed and makes the thread ready.
///
/// # Safety
/// The caller owns the wake-up of `thread`.
pub unsafe fn finish(thread: *mut Thread, status: u64, value: u64) {
    // SAFETY: the caller owns the thread until it is queued.
    unsafe {
        let t = &mut *thread;
        let server = t.wait.server.swap(null_mut(), Ordering::AcqRel);
        if let Some(server) = server.as_ref() {
            let _ = server.ipc.caller.compare_exchange(
                thread,
                null_mut(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            // What works for it goes on at its own expense: nothing keeps the caller alive for it.
            Scheduler::charge_anew(0);
            smp::call(u64::MAX, Scheduler::charge_anew, 0);
        }
        let reply = t.wait.reply.swap(null_mut(), Ordering::AcqRel);
        // A reply object gives its caller up before it is freed.
        if let Some(reply) = reply.as_ref() {
            reply.forget(thread);
        }
        settle(t);
        t.frame.set_results(&[status, value, 0, 0, 0, 0]);
        scheduler::make_ready(thread);
    }
}

/// Leaves the current thread waiting, and the CPU to others. `enqueue` links it into a list and
/// gives up the list's lock, in that order. A descriptor (`info`) with `NO_WAIT` makes it an error instead, one
/// with `TIMED` bounds the wait.
pub fn block(
    thread: &mut Thread,
    reason: Reason,
    object: u64,
    via: Binding,
    info: u64,
    enqueue: impl FnOnce(&mut Thread),
) -> Outcome {
    if MessageInfo(info).has(MessageInfo::NO_WAIT) {
        return Err::<u64, _>(Error::WouldBlock).into();
    }
    let deadline = crate::syscall::deadline(thread, info);
    leave(thread, (reason, object), via, deadline, enqueue)
}

/// As `block`, in a list that `guard` is the lock of.
pub fn block_in<T>(
    thread: &mut Thread,
    what: (Reason, u64),
    via: Binding,
    info: u64,
    mut guard: Guard<'_, T>,
    list: impl FnOnce(&mut T) -> &mut WaitList,
) -> Outcome {
    let lock = guard.wait_lock();
    block(thread, what.0, what.1, via, info, |thread| {
        // SAFETY: the list's lock is held; the thread is running, so in no list.
        unsafe { list(&mut guard).insert(thread, lock) };
        drop(guard);
    })
}

/// Leaves the current thread waiting for `what` until `deadline` in nanoseconds (`u64::MAX`: none), and
/// the CPU to others. `enqueue` links it into a list and gives up the list's lock, in that order.
pub fn leave(
    thread: &mut Thread,
    (reason, object): (Reason, u64),
    via: Binding,
    deadline: u64,
    enqueue: impl FnOnce(&mut Thread),
) -> ! {
    thread.wait.reason = reason;
    thread.wait.object = object;
    thread.wait.via = via;
    if deadline != u64::MAX {
        timers::arm(thread, deadline);
    }
    enqueue(thread);
    scheduler::reschedule()
}

/// Ends the first wait in a list behind `lock` with a result; false if nobody waits there.
pub fn wake<T>(
    lock: &SpinLock<T>,
    list: impl FnOnce(&mut T) -> &mut WaitList,
    status: u64,
    value: u64,
) -> bool {
    // SAFETY: the list's lock is held.
    let thread = unsafe { list(&mut lock.lock()).pop() };
    if thread.is_null() {
        return false;
    }
    // SAFETY: just popped, so its wake-up is this function's.
    unsafe { finish(thread, status, value) };
    true
}

/// Ends one of the waits that were begun through capabilities which no longer exist. `find` takes it
/// out of its list, under the list's lock.
pub fn sweep(find: impl FnOnce() -> Option<*mut Thread>) -> Progress {
    let Some(thread) = find() else {
        return Progress::Done;
    };
    // SAFETY: `find` unlinked the thread, so its wake-up is this function's.
    unsafe { finish(thread, Error::Revoked as i64 as u64, 0) };
    Progress::More
}

/// Clears what described the wait.
#[inline]
pub fn settle(thread: &mut Thread) {
    timers::disarm(thread);
    thread.wait.reason = Reason::None;
    thread.wait.measured = false;
    thread.wait.object = 0;
    thread.wait.via = Binding::KERNEL;
}

/// Takes out the first waiter whose capability no longer exists. The list's lock is held.
pub fn take_dead(list: &WaitList) -> Option<*mut Thread> {
    let thread = list.find(|thread| !thread.wait.via.is_live());
    if thread.is_null() {
        return None;
    }
    // SAFETY: the thread is in the list.
    unsafe { unlink(thread) };
    Some(thread)
}
