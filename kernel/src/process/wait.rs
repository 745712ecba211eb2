//! Waiting: one shape for everything a thread can block on.
//!
//! Model: an object has one or more wait lists and one lock that guards them. A waiting thread is
//! linked into one list and names that lock in `Wait::lock`; the links are circular with the
//! list's anchor as sentinel, so that a thread can be taken out without knowing which list it is in.
//! A caller whose message was taken moves to the endpoint's list of calls in flight.
//!
//! Exactly one party ends a wait: whoever takes the thread out of its list under the lock, and so has
//! it as a `Claimed`. Lists are reached under their lock alone.
//!
//! Lock order: a wait's lock has rank `Channel`, `WaitQueue` or `Process`; the run queue comes after.

use core::ops::{Deref, DerefMut};
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use super::thread::{Thread, flag};
use crate::cap::{Binding, Progress};
use crate::ipc::reply::Reply;
use crate::lock::{Guard, SpinLock};
use crate::sched::list::{Link, List, container};
use crate::sched::scheduler::{self, Scheduler};
use crate::sched::{smp, timers};
use crate::syscall::{Answer, Outcome};
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
    /// Whether `server` is to answer.
    pub fn is_for(&self, server: &Thread) -> bool {
        core::ptr::eq(self.server.load(Ordering::Relaxed), server)
    }

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

    /// The waiter of the highest rank that came first, in a list that was settled.
    #[inline(always)]
    pub fn settled_first(&self) -> Option<*mut Thread> {
        let first = self.anchor.settled_first()?;
        Some(container!(first, Thread, wait.link))
    }

    /// Prepares the list for the functions that take that for granted.
    pub fn settle(&mut self) {
        self.anchor.settle();
    }

    /// Who waits, the highest rank first and each rank in the order of arrival.
    pub fn threads(&self) -> impl Iterator<Item = &mut Thread> {
        let threads = self.anchor.iter();
        // SAFETY: threads in a list are alive while its lock is held, and wait.
        threads.map(|link| unsafe { &mut *container!(link, Thread, wait.link) })
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

    /// Links `thread` first, whatever its rank, into a list that was settled.
    ///
    /// # Safety
    /// As for `insert`.
    #[inline(always)]
    pub unsafe fn settled_push(&mut self, thread: &mut Thread, lock: *const SpinLock<()>) {
        // SAFETY: the caller's promise.
        unsafe { link_behind(self.anchor.settled(), thread, lock) };
    }

    /// Takes out the first waiter.
    #[inline]
    pub fn pop(&mut self) -> Option<Claimed> {
        self.take(|_| true)
    }

    /// Takes out the first waiter whose capability no longer exists.
    #[inline]
    pub fn take_dead(&mut self) -> Option<Claimed> {
        match self.is_empty() {
            true => None,
            false => self.take(|thread| !thread.via().is_live()),
        }
    }

    /// Takes out the first waiter for which `wanted` holds.
    pub fn take(&mut self, wanted: impl Fn(&Thread) -> bool) -> Option<Claimed> {
        let thread: *mut Thread = self.threads().find(|thread| wanted(thread))?;
        // SAFETY: the thread is in this list, whose lock is held.
        unsafe { unlink(thread) };
        NonNull::new(thread).map(Claimed)
    }
}

/// A thread that its holder took out of its list. The holder owes it the end of its wait.
#[must_use]
pub struct Claimed(NonNull<Thread>);

impl Deref for Claimed {
    type Target = Thread;
    fn deref(&self) -> &Thread {
        // SAFETY: a thread that waits is alive, and nobody else ends this wait.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for Claimed {
    fn deref_mut(&mut self) -> &mut Thread {
        // SAFETY: as in `deref`; the thread runs nowhere.
        unsafe { self.0.as_mut() }
    }
}

impl Claimed {
    /// Ends the wait with a result of the call in which it was begun.
    pub fn finish(self, answer: Answer) {
        self.end(answer.into());
    }

    /// As `finish`, with both words of the result.
    #[inline(never)]
    pub fn end(self, outcome: Outcome) {
        let server = self.wait.server.swap(null_mut(), Ordering::AcqRel);
        // SAFETY: a server gives its caller up before it is freed, as a reply object does.
        let (server, reply) = unsafe {
            let reply = self.wait.reply.swap(null_mut(), Ordering::AcqRel);
            (server.as_ref(), reply.as_ref())
        };
        if let Some(server) = server {
            forget(&server.ipc.caller, &self);
            // What works for it goes on at its own expense: nothing keeps the caller alive for it.
            Scheduler::charge_anew(0);
            smp::call(u64::MAX, Scheduler::charge_anew, 0);
        }
        if let Some(reply) = reply {
            forget(&reply.caller, &self);
        }
        match self.wait.reason {
            // Not a call: the instruction is tried again, with the registers as they were.
            Reason::Fault => self.go_on(),
            _ => self.resume(&[outcome.status, outcome.value]),
        }
    }

    /// Ends the wait of a thread that nobody is to answer any more, with these results.
    pub fn resume<const N: usize>(mut self, results: &[u64; N]) {
        self.frame.set_results(results);
        self.go_on();
    }

    /// As `resume`, with the registers as they are.
    pub fn go_on(mut self) {
        settle(&mut self);
        // SAFETY: the wake-up is the holder's.
        unsafe { scheduler::make_ready(self.0.as_ptr()) };
    }

    /// Lets the thread wait on, in a list behind `lock`.
    pub fn wait_on<T>(mut self, lock: &SpinLock<T>, list: impl FnOnce(&mut T) -> &mut WaitList) {
        let mut guard = lock.lock();
        // SAFETY: the lock is held; a claimed thread is in no list. Until the lock is given up, nobody
        // ends its wait, and after it a grace period covers the thread.
        unsafe {
            list(&mut guard).insert(&mut self, lock.wait_lock());
            let killed = self.flags.load(Ordering::SeqCst) & flag::KILLED != 0;
            drop(guard);
            if killed {
                cancel(self.0.as_ptr(), Error::Cancelled);
            }
        }
    }
}

/// Clears a link to `caller`, if it is one.
fn forget(link: &AtomicPtr<Thread>, caller: &Claimed) {
    let (order, failure) = (Ordering::AcqRel, Ordering::Relaxed);
    let _ = link.compare_exchange(caller.0.as_ptr(), null_mut(), order, failure);
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

/// Tries to become the one that ends `thread`'s wait, if `wanted` holds under the lock of that wait.
///
/// # Safety
/// The thread is null, alive, or was found in a way that a grace period covers.
pub unsafe fn claim(thread: *mut Thread, wanted: impl Fn(&Wait) -> bool) -> Option<Claimed> {
    // SAFETY: the caller's promise; a thread with a lock is in a list.
    unsafe { while_waiting(thread, wanted, || unlink(thread)) }?;
    NonNull::new(thread).map(Claimed)
}

/// Runs `body` under the lock of `thread`'s wait, if it waits and `wanted` holds under that lock.
///
/// # Safety
/// As for `claim`.
pub unsafe fn while_waiting(
    thread: *mut Thread,
    wanted: impl Fn(&Wait) -> bool,
    body: impl FnOnce(),
) -> Option<()> {
    // SAFETY: the caller promises that the thread's memory is valid.
    let wait = unsafe { &thread.as_ref()?.wait };
    loop {
        let lock = wait.lock.load(Ordering::Acquire);
        // SAFETY: the lock belongs to an object that cannot be freed before this CPU has left the
        // kernel, even if the wait has just ended.
        let _held = unsafe { lock.as_ref() }?.lock();
        if wait.lock.load(Ordering::Acquire) == lock {
            return wanted(wait).then(body);
        }
    }
}

/// Ends `thread`'s wait with an error, if it waits and nobody else ends it first.
///
/// # Safety
/// As for `claim`.
pub unsafe fn cancel(thread: *mut Thread, error: Error) -> bool {
    // SAFETY: as the caller promises.
    let claimed = unsafe { claim(thread, |_| true) };
    claimed.map(|claimed| claimed.finish(Err(error))).is_some()
}

/// Ends `thread`'s wait because its deadline has passed, if nobody else ends it first.
///
/// # Safety
/// As for `claim`.
pub unsafe fn expire(thread: *mut Thread) {
    // SAFETY: as the caller promises.
    if let Some(claimed) = unsafe { claim(thread, |_| true) } {
        let answer = match claimed.wait.reason {
            Reason::Sleep => Ok(0),
            Reason::Limit => Err(Error::Busy),
            _ => Err(Error::TimedOut),
        };
        claimed.finish(answer);
    }
}

/// Leaves the current thread waiting for `what` in a list behind `guard`, and the CPU to others. A
/// descriptor (`info`) with `NO_WAIT` makes it an error instead, one with `TIMED` bounds the wait.
pub fn block<T, R>(
    thread: &mut Thread,
    what: (Reason, u64),
    via: Binding,
    info: u64,
    guard: Guard<'_, T>,
    list: impl FnOnce(&mut T) -> &mut WaitList,
) -> Result<R, Error> {
    if MessageInfo(info).has(MessageInfo::NO_WAIT) {
        return Err(Error::WouldBlock);
    }
    let deadline = deadline(thread, info);
    block_until(thread, what, via, deadline, guard, list)
}

/// As `block`, until `deadline` in nanoseconds (`u64::MAX`: none).
pub fn block_until<T>(
    thread: &mut Thread,
    what: (Reason, u64),
    via: Binding,
    deadline: u64,
    mut guard: Guard<'_, T>,
    list: impl FnOnce(&mut T) -> &mut WaitList,
) -> ! {
    let lock = guard.wait_lock();
    leave(thread, what, via, deadline, |thread| {
        // SAFETY: the list's lock is held; the thread is running, so in no list.
        unsafe { list(&mut guard).insert(thread, lock) };
        drop(guard);
    })
}

/// As `block_until`; `enqueue` links the thread into a list and gives up the list's lock, in that order.
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

/// The deadline that a descriptor asks for: that of the message buffer, or none.
pub fn deadline(thread: &Thread, info: u64) -> u64 {
    if MessageInfo(info).has(MessageInfo::TIMED) && !thread.buffer.is_null() {
        // SAFETY: a live thread's buffer is a frame that the kernel has mapped.
        unsafe { (&raw const (*thread.buffer).deadline).read_volatile() }
    } else {
        u64::MAX
    }
}

/// Ends the first wait in a list behind `lock`; false if nobody waits there.
pub fn wake<T>(
    lock: &SpinLock<T>,
    list: impl FnOnce(&mut T) -> &mut WaitList,
    answer: Answer,
) -> bool {
    let waiter = list(&mut lock.lock()).pop();
    waiter.map(|waiter| waiter.finish(answer)).is_some()
}

/// Ends one of the waits that were begun through capabilities which no longer exist: the one that
/// `find` takes out, under the lock of its list.
pub fn sweep(find: impl FnOnce() -> Option<Claimed>) -> Progress {
    find().map_or(Progress::Done, |waiter| {
        waiter.finish(Err(Error::Revoked));
        Progress::More
    })
}

/// Clears what described the wait.
#[inline]
fn settle(thread: &mut Thread) {
    timers::disarm(thread);
    thread.wait.reason = Reason::None;
    thread.wait.measured = false;
    thread.wait.object = 0;
    thread.wait.via = Binding::KERNEL;
}
