//! Locks between threads, and between processes that share memory.
//!
//! Each has a fast path of a few instructions in user space and waits in the kernel only when it must.
//! The mutex inherits priorities: its word holds its owner's number, and while others wait the kernel lends
//! the owner the highest rank among them. All but the mutex also have forms with a deadline.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use crate::abi::futex::WAITERS;
use crate::{Error, Result, local, sys};

/// No deadline.
pub const FOREVER: u64 = u64::MAX;

local! {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
}

/// The calling thread's number, asked for once.
fn number() -> u32 {
    NUMBER.with(|number| match number.load(Relaxed) {
        0 => {
            let mine = crate::thread::current().number;
            number.store(mine, Relaxed);
            mine
        }
        known => known,
    })
}

/// Forgets what the parent's thread knew of itself; called in a forked child.
pub(crate) fn forked() {
    NUMBER.with(|number| number.store(0, Relaxed));
}

fn address(word: &AtomicU32) -> u64 {
    core::ptr::from_ref(word).addr() as u64
}

/// Waits while `word` is `expected`, until a wake-up or `deadline` in nanoseconds.
///
/// # Errors
/// `TimedOut`. A word that has changed already is no error.
pub fn wait(word: &AtomicU32, expected: u32, deadline: u64) -> Result<()> {
    match sys::futex_wait(address(word), expected as u64, deadline).check() {
        Ok(_) | Err(Error::WouldBlock) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Wakes up to `count` waiters of `word`.
pub fn wake(word: &AtomicU32, count: u64) {
    sys::futex_wake(address(word), count);
}

/// A value behind a mutual exclusion lock with priority inheritance.
#[repr(C)]
pub struct Mutex<T> {
    word: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the lock hands out one reference at a time.
unsafe impl<T: Send> Sync for Mutex<T> {}
// SAFETY: a mutex owns its value.
unsafe impl<T: Send> Send for Mutex<T> {}

/// The right to use a locked value; dropping it unlocks.
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
}

impl<T> Mutex<T> {
    /// A free mutex.
    pub const fn new(value: T) -> Self {
        Self {
            word: AtomicU32::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Locks, waiting as long as it takes.
    ///
    /// # Panics
    /// The calling thread holds the lock already.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.lock_until(FOREVER)
            .expect("mutex locked twice by one thread")
    }

    /// Locks, waiting until `deadline` in nanoseconds.
    ///
    /// # Errors
    /// `TimedOut`; `InvalidArgument` if the calling thread holds the lock.
    pub fn lock_until(&self, deadline: u64) -> Result<MutexGuard<'_, T>> {
        if self
            .word
            .compare_exchange(0, number(), Acquire, Relaxed)
            .is_err()
        {
            sys::futex_lock(address(&self.word), deadline).check()?;
        }
        Ok(MutexGuard { mutex: self })
    }

    /// Locks if that needs no waiting.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.word
            .compare_exchange(0, number(), Acquire, Relaxed)
            .ok()?;
        Some(MutexGuard { mutex: self })
    }

    fn unlock(&self) {
        let mine = number();
        if self
            .word
            .compare_exchange(mine, 0, Release, Relaxed)
            .is_err()
        {
            debug_assert!(self.word.load(Relaxed) == mine | WAITERS);
            sys::futex_unlock(address(&self.word));
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the lock and is borrowed mutably.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.mutex.unlock();
    }
}

/// A condition to wait for with a mutex held.
#[repr(C)]
pub struct Condition {
    sequence: AtomicU32,
}

impl Condition {
    /// Nobody waits.
    pub const fn new() -> Self {
        Self {
            sequence: AtomicU32::new(0),
        }
    }

    /// Unlocks, waits for a notification, locks again. Wake-ups without cause happen.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.wait_until(guard, FOREVER).0
    }

    /// The same until `deadline` in nanoseconds; says whether that has passed.
    pub fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: u64,
    ) -> (MutexGuard<'a, T>, bool) {
        let mutex = guard.mutex;
        let seen = self.sequence.load(Relaxed);
        drop(guard);
        let late = wait(&self.sequence, seen, deadline) == Err(Error::TimedOut);
        (mutex.lock(), late)
    }

    /// Wakes one waiter.
    pub fn notify_one(&self) {
        self.sequence.fetch_add(1, Relaxed);
        wake(&self.sequence, 1);
    }

    /// Wakes all waiters.
    pub fn notify_all(&self) {
        self.sequence.fetch_add(1, Relaxed);
        wake(&self.sequence, u64::MAX);
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}

/// A counter of permits.
#[repr(C)]
pub struct Semaphore {
    permits: AtomicU32,
}

impl Semaphore {
    /// A semaphore with `permits` permits.
    pub const fn new(permits: u32) -> Self {
        Self {
            permits: AtomicU32::new(permits),
        }
    }

    /// Takes a permit, waiting for one.
    pub fn acquire(&self) {
        while self.acquire_until(FOREVER).is_err() {}
    }

    /// Takes a permit, waiting until `deadline` in nanoseconds.
    ///
    /// # Errors
    /// `TimedOut`.
    pub fn acquire_until(&self, deadline: u64) -> Result<()> {
        loop {
            if self.try_acquire() {
                return Ok(());
            }
            wait(&self.permits, 0, deadline)?;
        }
    }

    /// Takes a permit if there is one.
    pub fn try_acquire(&self) -> bool {
        self.permits
            .fetch_update(Acquire, Relaxed, |n| n.checked_sub(1))
            .is_ok()
    }

    /// Gives a permit back.
    pub fn release(&self) {
        self.permits.fetch_add(1, Release);
        wake(&self.permits, 1);
    }
}

const WRITER: u32 = u32::MAX;

/// A value that many may read or one may write.
#[repr(C)]
pub struct RwLock<T> {
    /// Readers, or `WRITER`.
    state: AtomicU32,
    /// Writers that wait; new readers give way to them.
    writers: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the lock hands out either shared references or one exclusive one.
unsafe impl<T: Send + Sync> Sync for RwLock<T> {}
// SAFETY: a lock owns its value.
unsafe impl<T: Send> Send for RwLock<T> {}

/// The right to read; dropping it unlocks.
pub struct ReadGuard<'a, T>(&'a RwLock<T>);
/// The right to write; dropping it unlocks.
pub struct WriteGuard<'a, T>(&'a RwLock<T>);

impl<T> RwLock<T> {
    /// A free lock.
    pub const fn new(value: T) -> Self {
        Self {
            state: AtomicU32::new(0),
            writers: AtomicU32::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Locks for reading, until `deadline` in nanoseconds.
    ///
    /// # Errors
    /// `TimedOut`.
    pub fn read_until(&self, deadline: u64) -> Result<ReadGuard<'_, T>> {
        loop {
            let state = self.state.load(Relaxed);
            if state != WRITER && self.writers.load(Relaxed) == 0 {
                if self
                    .state
                    .compare_exchange(state, state + 1, Acquire, Relaxed)
                    .is_ok()
                {
                    return Ok(ReadGuard(self));
                }
            } else if state == 0 {
                crate::thread::yield_now();
            } else {
                wait(&self.state, state, deadline)?;
            }
        }
    }

    /// Locks for reading.
    pub fn read(&self) -> ReadGuard<'_, T> {
        loop {
            if let Ok(guard) = self.read_until(FOREVER) {
                return guard;
            }
        }
    }

    /// Locks for writing, until `deadline` in nanoseconds.
    ///
    /// # Errors
    /// `TimedOut`.
    pub fn write_until(&self, deadline: u64) -> Result<WriteGuard<'_, T>> {
        self.writers.fetch_add(1, Relaxed);
        let result = loop {
            match self.state.compare_exchange(0, WRITER, Acquire, Relaxed) {
                Ok(_) => break Ok(WriteGuard(self)),
                Err(state) => {
                    if let Err(error) = wait(&self.state, state, deadline) {
                        break Err(error);
                    }
                }
            }
        };
        self.writers.fetch_sub(1, Relaxed);
        if result.is_err() {
            wake(&self.state, u64::MAX);
        }
        result
    }

    /// Locks for writing.
    pub fn write(&self) -> WriteGuard<'_, T> {
        loop {
            if let Ok(guard) = self.write_until(FOREVER) {
                return guard;
            }
        }
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: readers share.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> Drop for ReadGuard<'_, T> {
    fn drop(&mut self) {
        self.0.state.fetch_sub(1, Release);
        wake(&self.0.state, u64::MAX);
    }
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this guard is the only one.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard is the only one, and borrowed mutably.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for WriteGuard<'_, T> {
    fn drop(&mut self) {
        self.0.state.store(0, Release);
        wake(&self.0.state, u64::MAX);
    }
}

/// A point where a number of threads wait for each other, again and again.
#[repr(C)]
pub struct Barrier {
    parties: u32,
    arrived: AtomicU32,
    round: AtomicU32,
}

impl Barrier {
    /// For `parties` threads.
    pub const fn new(parties: u32) -> Self {
        Self {
            parties,
            arrived: AtomicU32::new(0),
            round: AtomicU32::new(0),
        }
    }

    /// Waits for the others; true for the one that came last.
    pub fn wait(&self) -> bool {
        let round = self.round.load(Acquire);
        if self
            .arrived
            .fetch_add(1, core::sync::atomic::Ordering::AcqRel)
            + 1
            == self.parties
        {
            self.arrived.store(0, Relaxed);
            self.round.fetch_add(1, Release);
            wake(&self.round, u64::MAX);
            return true;
        }
        while self.round.load(Acquire) == round {
            let _ = wait(&self.round, round, FOREVER);
        }
        false
    }
}
