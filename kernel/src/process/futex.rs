//! Waiting for words of user memory: what user-space locks fall back on.
//!
//! Model: a word is named by its memory object and offset where memory is shared, by its address space
//! and address otherwise, so the same lock works between processes. Waiters stand in a bucket
//! chosen by that name; the word is compared under the bucket's lock, so no wake-up is lost.
//!
//! A priority-inheriting mutex is a word that holds its owner's thread number, with `WAITERS` set
//! when the kernel knows of waiters. The owner, if it is a thread of the same process, runs with the
//! highest rank among its waiters, along a chain of owners that wait themselves; unlocking hands the word to the first
//! waiter. A number alone lends nothing to a thread of another process.
//!
//! Lock order: two buckets are taken by rising address.

use core::cell::UnsafeCell;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;

use super::thread::{Thread, flag};
use super::wait::{self, Reason, WaitList};
use crate::arch::layout::USER_END;
use crate::arch::{timer, uaccess};
use crate::cap::Binding;
use crate::lock::{Rank, SpinLock};
use crate::mm::vas::FutexKey;
use crate::mm::{VirtAddr, tlb};
use crate::sched::{affinity, scheduler, timers};
use crate::syscall::Outcome;
use veridian_abi::{Error, futex::WAITERS};

const BUCKETS: usize = 256;
/// Owners that wait for owners: how far a rank is lent.
const CHAIN: usize = 8;

struct Bucket {
    lock: SpinLock<()>,
    waiters: UnsafeCell<WaitList>,
}

// SAFETY: the waiters are reached under the lock alone.
unsafe impl Sync for Bucket {}

static TABLE: [Bucket; BUCKETS] = [const {
    Bucket {
        lock: SpinLock::new(Rank::WaitQueue, ()),
        waiters: UnsafeCell::new(WaitList::new()),
    }
}; BUCKETS];

fn bucket(key: FutexKey) -> &'static Bucket {
    let hash = (key.owner as u64 ^ key.offset.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    &TABLE[(hash >> 56) as usize % BUCKETS]
}

impl Bucket {
    /// The first waiter at `key`, in the order of rank; null if there is none. The lock is held.
    fn first(&self, key: FutexKey) -> *mut Thread {
        // SAFETY: the lock is held; threads in the list are alive.
        unsafe {
            let waiters = &*self.waiters.get();
            let mut thread = waiters.first();
            while !thread.is_null() && (*thread).futex != Some(key) {
                thread = waiters.after(thread);
            }
            thread
        }
    }

    /// Takes out the first waiter at `key`; null if there is none.
    fn pop(&self, key: FutexKey) -> *mut Thread {
        let _guard = self.lock.lock();
        let thread = self.first(key);
        if !thread.is_null() {
            // SAFETY: in this list, whose lock is held.
            unsafe { wait::unlink(thread) };
        }
        thread
    }
}

/// The name of the word at a user address.
fn key(address: u64) -> Result<FutexKey, Error> {
    if address % 4 != 0 || address >= USER_END {
        return Err(Error::BadAddress);
    }
    // SAFETY: a system call runs in the current thread's space.
    let space = unsafe { tlb::current() }.ok_or(Error::BadAddress)?;
    space
        .futex_key(VirtAddr(address))
        .map_err(|_| Error::BadAddress)
}

/// Leaves the current thread waiting at `key` if `still` says so under the bucket's lock.
fn wait_at(
    thread: &mut Thread,
    key: FutexKey,
    address: u64,
    reason: Reason,
    deadline: u64,
    still: impl FnOnce(&Bucket, &mut Thread) -> Result<(), Error>,
) -> Outcome {
    if deadline <= timer::now() {
        return Err::<u64, _>(Error::TimedOut).into();
    }
    let bucket = bucket(key);
    let guard = bucket.lock.lock();
    if let Err(error) = still(bucket, thread) {
        drop(guard);
        return if error == Error::Busy {
            Ok(0)
        } else {
            Err(error)
        }
        .into();
    }
    thread.futex = Some(key);
    thread.wait.reason = reason;
    thread.wait.object = address;
    thread.wait.via = Binding::KERNEL;
    if deadline != u64::MAX {
        timers::arm(thread, deadline);
    }
    // SAFETY: the lock is held; the thread is running, so in no list.
    unsafe { (*bucket.waiters.get()).insert(thread, &raw const bucket.lock) };
    drop(guard);
    scheduler::reschedule()
}

/// The system call `futex_wait`; `veridian_abi` says what it does.
pub fn futex_wait(thread: &mut Thread, [address, expected, deadline, ..]: [u64; 6]) -> Outcome {
    match key(address) {
        Ok(key) => wait_at(thread, key, address, Reason::Futex, deadline, |_, _| {
            match uaccess::load_u32_user(address) {
                Ok(word) if word as u64 == expected => Ok(()),
                Ok(_) => Err(Error::WouldBlock),
                Err(()) => Err(Error::BadAddress),
            }
        }),
        Err(error) => Err::<u64, _>(error).into(),
    }
}

/// The system call `futex_wake`; `veridian_abi` says what it does.
pub fn futex_wake(_: &mut Thread, [address, count, ..]: [u64; 6]) -> Outcome {
    key(address).map(|key| wake(key, count)).into()
}

fn wake(key: FutexKey, count: u64) -> u64 {
    let mut woken = 0;
    while woken < count {
        let thread = bucket(key).pop(key);
        if thread.is_null() {
            break;
        }
        // SAFETY: just popped, so its wake-up is this function's.
        unsafe {
            (*thread).futex = None;
            wait::finish(thread, 0, 0);
        }
        woken += 1;
    }
    woken
}

/// The system call `futex_requeue`; `veridian_abi` says what it does.
pub fn futex_requeue(_: &mut Thread, [address, count, target, ..]: [u64; 6]) -> Outcome {
    let requeue = || {
        let (from, to) = (key(address)?, key(target)?);
        let woken = wake(from, count);
        loop {
            if from == to {
                break;
            }
            let thread = bucket(from).pop(from);
            // SAFETY: just popped, so the thread is this function's.
            let Some(t) = (unsafe { thread.as_mut() }) else {
                break;
            };
            t.futex = Some(to);
            t.wait.object = target;
            let bucket = bucket(to);
            let killed = {
                let _guard = bucket.lock.lock();
                // SAFETY: the lock is held; the thread is in no list.
                unsafe { (*bucket.waiters.get()).insert(t, &raw const bucket.lock) };
                t.flags.load(core::sync::atomic::Ordering::SeqCst) & flag::KILLED != 0
            };
            if killed {
                // SAFETY: it is in the list, or somebody else ends its wait.
                unsafe { wait::cancel(thread, Error::Cancelled) };
            }
        }
        Ok(woken)
    };
    requeue().into()
}

/// The thread of `process` with this number, or null. Its process's lock is held by nobody.
fn owner_of(thread: &Thread, number: u32) -> *mut Thread {
    // SAFETY: a running thread has a process; threads in its list are alive under its lock, and for
    // the length of this operation after.
    unsafe {
        let members = (*thread.process).members();
        let mut owner = members.threads;
        while !owner.is_null() && (*owner).id != number {
            owner = (*owner).next;
        }
        owner
    }
}

/// Lends the current thread's rank to the owner it is going to wait for, and on along the chain.
fn lend(thread: &Thread, number: u32) {
    let rank = thread.task.rank();
    let mut owner = owner_of(thread, number);
    for _ in 0..CHAIN {
        // SAFETY: see `owner_of`.
        let Some(o) = (unsafe { owner.as_mut() }) else {
            return;
        };
        if o.task.rank() >= rank || o.is_current() {
            return;
        }
        o.lent_rank.fetch_max(rank, Relaxed);
        affinity::set_effective_rank(o, rank);
        if o.wait.reason != Reason::Mutex {
            return;
        }
        owner = match uaccess::load_u32_user(o.wait.object) {
            Ok(word) => owner_of(thread, word & !WAITERS),
            Err(()) => null_mut(),
        };
    }
}

/// The system call `futex_lock`; `veridian_abi` says what it does.
pub fn futex_lock(thread: &mut Thread, [address, deadline, ..]: [u64; 6]) -> Outcome {
    let (mine, key) = match key(address) {
        Ok(key) => (thread.id, key),
        Err(error) => return Err::<u64, _>(error).into(),
    };
    match uaccess::load_u32_user(address) {
        Ok(word) if word & !WAITERS == mine => return Err::<u64, _>(Error::InvalidArgument).into(),
        Ok(word) if word != 0 => lend(thread, word & !WAITERS),
        Ok(_) => {}
        Err(()) => return Err::<u64, _>(Error::BadAddress).into(),
    }
    // `Busy` from the closure means that the lock was free after all and is the caller's now.
    wait_at(thread, key, address, Reason::Mutex, deadline, |_, _| {
        loop {
            let word = uaccess::load_u32_user(address).map_err(|()| Error::BadAddress)?;
            let new = if word == 0 { mine } else { word | WAITERS };
            match uaccess::compare_exchange_u32_user(address, word, new) {
                Ok(seen) if seen == word => {
                    return if word == 0 { Err(Error::Busy) } else { Ok(()) };
                }
                Ok(_) => {}
                Err(()) => return Err(Error::BadAddress),
            }
        }
    })
}

/// The system call `futex_unlock`; `veridian_abi` says what it does.
pub fn futex_unlock(thread: &mut Thread, [address, ..]: [u64; 6]) -> Outcome {
    let unlock = || {
        let key = key(address)?;
        let bucket = bucket(key);
        let guard = bucket.lock.lock();
        let word = uaccess::load_u32_user(address).map_err(|()| Error::BadAddress)?;
        if word & !WAITERS != thread.id {
            return Err(Error::InvalidArgument);
        }
        let next = bucket.first(key);
        // SAFETY: a waiter in the list is alive under the lock.
        let new = unsafe {
            match next.as_ref() {
                None => 0,
                Some(next) => {
                    wait::unlink(next as *const Thread as *mut Thread);
                    next.id
                        | if bucket.first(key).is_null() {
                            0
                        } else {
                            WAITERS
                        }
                }
            }
        };
        let stored = uaccess::compare_exchange_u32_user(address, word, new);
        drop(guard);
        if !next.is_null() {
            // SAFETY: unlinked above, so its wake-up is this function's.
            unsafe {
                (*next).futex = None;
                wait::finish(next, 0, 0);
            }
        }
        stored.map(|_| ()).map_err(|()| Error::BadAddress)
    };
    let outcome = unlock();
    if outcome.is_ok() && thread.lent_rank.swap(0, Relaxed) != 0 {
        affinity::set_effective_rank(thread, thread.task.base_rank.load(Relaxed));
    }
    outcome.into()
}
