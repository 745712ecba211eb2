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

use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;

use super::thread::Thread;
use super::wait::{self, Claimed, Reason, WaitList};
use crate::arch::timer;
use crate::cap::Binding;
use crate::lock::{Rank, SpinLock};
use crate::mm::vas::FutexKey;
use crate::mm::{VirtAddr, tlb};
use crate::sched::affinity;
use crate::syscall::userspace::UserWord;
use crate::syscall::{Answer, Arguments};
use veridian_abi::{Error, futex::WAITERS};

const BUCKETS: usize = 256;
/// Owners that wait for owners: how far a rank is lent.
const CHAIN: usize = 8;

type Bucket = SpinLock<WaitList>;

static TABLE: [Bucket; BUCKETS] =
    [const { SpinLock::new(Rank::WaitQueue, WaitList::new()) }; BUCKETS];

fn bucket(key: FutexKey) -> &'static Bucket {
    let hash = (key.owner as u64 ^ key.offset.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    &TABLE[(hash >> 56) as usize % BUCKETS]
}

/// Takes out the first waiter at `key`, in the order of rank. The waiters are those of its bucket.
fn pop(waiters: &mut WaitList, key: FutexKey) -> Option<Claimed> {
    let mut thread = waiters.take(|thread| thread.futex == Some(key))?;
    thread.futex = None;
    Some(thread)
}

/// As `pop`, from the bucket of `key`.
fn take(key: FutexKey) -> Option<Claimed> {
    pop(&mut bucket(key).lock(), key)
}

/// A word that user code has at an address.
struct Word {
    value: UserWord,
    key: FutexKey,
}

/// The word at a user address and its name.
fn word(address: u64) -> Result<Word, Error> {
    let value = UserWord::new(address)?;
    // SAFETY: a system call runs in the current thread's space.
    let space = unsafe { tlb::current() }.ok_or(Error::BadAddress)?;
    let key = space.futex_key(VirtAddr(address));
    let key = key.map_err(|_| Error::BadAddress)?;
    Ok(Word { value, key })
}

/// Leaves the current thread waiting for a word if `still` says so under the bucket's lock.
fn wait_at(
    thread: &mut Thread,
    word: &Word,
    what: (Reason, u64),
    deadline: u64,
    still: impl FnOnce() -> Result<bool, Error>,
) -> Answer {
    if deadline <= timer::now() {
        return Err(Error::TimedOut);
    }
    let waiters = bucket(word.key).lock();
    if !still()? {
        return Ok(0);
    }
    thread.futex = Some(word.key);
    wait::block_until(thread, what, Binding::KERNEL, deadline, waiters, |w| w)
}

/// The system call `futex_wait`; `veridian_abi` says what it does.
pub fn futex_wait(thread: &mut Thread, [address, expected, deadline, ..]: Arguments) -> Answer {
    let word = word(address)?;
    wait_at(thread, &word, (Reason::Futex, address), deadline, || {
        let same = word.value.load()? as u64 == expected;
        same.then_some(true).ok_or(Error::WouldBlock)
    })
}

/// The system call `futex_wake`; `veridian_abi` says what it does.
pub fn futex_wake(_: &mut Thread, [address, count, ..]: Arguments) -> Answer {
    Ok(wake(word(address)?.key, count))
}

fn wake(key: FutexKey, count: u64) -> u64 {
    for woken in 0..count {
        let Some(thread) = take(key) else {
            return woken;
        };
        thread.finish(Ok(0));
    }
    count
}

/// The system call `futex_requeue`; `veridian_abi` says what it does.
pub fn futex_requeue(_: &mut Thread, [address, count, target, ..]: Arguments) -> Answer {
    let (from, to) = (word(address)?.key, word(target)?.key);
    let woken = wake(from, count);
    if from == to {
        return Ok(woken);
    }
    while let Some(mut thread) = take(from) {
        thread.futex = Some(to);
        thread.wait.object = target;
        thread.wait_on(bucket(to), |waiters| waiters);
    }
    Ok(woken)
}

/// The thread of the caller's process with this number, or null.
fn owner_of(thread: &Thread, number: u32) -> *mut Thread {
    // SAFETY: a running thread has a process; threads in its list are alive under its lock, and for
    // the length of this operation after.
    let members = unsafe { (*thread.process).members.lock() };
    let owner = members.threads().find(|owner| owner.id == number);
    owner.map_or(null_mut(), |owner| &raw mut *owner)
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
        let next = UserWord::new(o.wait.object).and_then(|word| word.load());
        owner = next.map_or(null_mut(), |next| owner_of(thread, next & !WAITERS));
    }
}

/// The system call `futex_lock`; `veridian_abi` says what it does.
pub fn futex_lock(thread: &mut Thread, [address, deadline, ..]: Arguments) -> Answer {
    let word = word(address)?;
    let mine = thread.id;
    match word.value.load()? & !WAITERS {
        0 => {}
        owner if owner == mine => return Err(Error::InvalidArgument),
        owner => lend(thread, owner),
    }
    wait_at(thread, &word, (Reason::Mutex, address), deadline, || {
        loop {
            let seen = word.value.load()?;
            let new = if seen == 0 { mine } else { seen | WAITERS };
            if word.value.compare_exchange(seen, new)? == seen {
                // A word that was free after all is the caller's now.
                return Ok(seen != 0);
            }
        }
    })
}

/// The system call `futex_unlock`; `veridian_abi` says what it does.
pub fn futex_unlock(thread: &mut Thread, [address, ..]: Arguments) -> Answer {
    let Word { value, key } = word(address)?;
    let mut waiters = bucket(key).lock();
    let held = value.load()?;
    if held & !WAITERS != thread.id {
        return Err(Error::InvalidArgument);
    }
    let next = pop(&mut waiters, key);
    let more = waiters.threads().any(|thread| thread.futex == Some(key));
    let new = match &next {
        None => 0,
        Some(next) => next.id | if more { WAITERS } else { 0 },
    };
    let stored = value.compare_exchange(held, new);
    drop(waiters);
    if let Some(next) = next {
        next.finish(Ok(0));
    }
    stored?;
    if thread.lent_rank.swap(0, Relaxed) != 0 {
        affinity::set_effective_rank(thread, thread.task.base_rank.load(Relaxed));
    }
    Ok(0)
}
