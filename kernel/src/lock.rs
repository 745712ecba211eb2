//! Spin locks with ranks.
//!
//! Model: kernel code runs with interrupts off, so a lock is only ever contended by another CPU
//! and never by an interrupt on the same one. A CPU that waits keeps answering the requests of
//! others (TLB shootdown, function calls), so waiting with interrupts off cannot deadlock with a
//! CPU that waits for this one's answer; see `spin`.
//!
//! Lock order: a lock may be taken only while every lock already held has a smaller rank. Debug
//! builds check it on every acquisition. `Rank` is the one table of that order.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::arch::cpu;
#[cfg(not(target_os = "none"))]
use crate::mm::tlb::{self, IPI_TLB};

/// The order in which locks nest, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rank {
    /// CPU hotplug: one CPU comes or goes at a time.
    Hotplug,
    /// The tree of processes: parents, children, zombies.
    ProcessTree,
    /// One process: its threads and state.
    Process,
    /// Names in one namespace.
    Registry,
    /// Capability derivation tree.
    Derivation,
    /// Slots of one capability space.
    CapabilitySpace,
    /// A bucket of the wait queues that user words stand for: the word is read under it.
    WaitQueue,
    /// One address space: regions and page tables.
    AddressSpace,
    /// Frames of one memory object.
    MemoryObject,
    /// One endpoint, channel or notification with its waiters.
    Channel,
    /// One thread's own state.
    Thread,
    /// One CPU's ready queues.
    RunQueue,
    /// One CPU's timers.
    Timers,
    /// The kernel's own dynamic mappings.
    KernelMap,
    /// One CPU's free objects of one kind.
    Magazine,
    /// One kind of objects of the kernel heap.
    Heap,
    /// One CPU's free frames or tables.
    FrameCache,
    /// One NUMA node's frame allocator.
    Frames,
    /// Test builds: translations that CPUs may have cached.
    Shadow,
    /// Interrupt controller.
    Interrupts,
    /// Console output, innermost: everything may print.
    Console,
}

/// A lock around a value, for data that several CPUs change.
pub struct SpinLock<T> {
    held: AtomicU32,
    rank: Rank,
    value: UnsafeCell<T>,
}

// SAFETY: the lock hands out one reference at a time, so sharing it needs only `T: Send`.
unsafe impl<T: Send> Sync for SpinLock<T> {}
// SAFETY: a lock owns its value.
unsafe impl<T: Send> Send for SpinLock<T> {}

/// The right to use the value of a held lock; dropping it unlocks.
pub struct Guard<'a, T> {
    lock: &'a SpinLock<T>,
    rank_bit: u32,
}

impl<T> SpinLock<T> {
    /// Where the value lies within the lock, for the description of kernel data.
    pub const VALUE_OFFSET: usize = core::mem::offset_of!(SpinLock<T>, value);

    /// A free lock of the given rank.
    pub const fn new(rank: Rank, value: T) -> Self {
        SpinLock {
            held: AtomicU32::new(0),
            rank,
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock, answering other CPUs' requests while it waits.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> Guard<'_, T> {
        let rank_bit = self.enter(false);
        self.acquire();
        Guard {
            lock: self,
            rank_bit,
        }
    }

    /// Takes a second lock of a rank already held. The caller orders such locks by address (or
    /// by CPU number), always the same way.
    #[inline]
    #[track_caller]
    pub fn lock_same_rank(&self) -> Guard<'_, T> {
        let rank_bit = self.enter(true);
        self.acquire();
        Guard {
            lock: self,
            rank_bit,
        }
    }

    /// Takes the lock if it is free. Any order is safe, since nothing waits.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        let free = self.held.swap(1, Ordering::Acquire) == 0;
        free.then(|| Guard {
            lock: self,
            rank_bit: self.hold(),
        })
    }

    /// The value, without locking, for an owner that nobody shares with.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Whether somebody holds the lock at this moment.
    pub fn is_locked(&self) -> bool {
        self.held.load(Ordering::Relaxed) != 0
    }

    /// Where the value is, for the description of kernel data and for a panicking CPU.
    pub const fn as_ptr(&self) -> *mut T {
        self.value.get()
    }

    #[inline(always)]
    fn acquire(&self) {
        if self.held.swap(1, Ordering::Acquire) != 0 {
            self.contend();
        }
    }

    /// Waits for a lock that another CPU holds. Out of line, so that taking a free one stays short.
    #[cold]
    #[inline(never)]
    fn contend(&self) {
        loop {
            while self.held.load(Ordering::Relaxed) != 0 {
                spin();
            }
            if self.held.swap(1, Ordering::Acquire) == 0 {
                return;
            }
        }
    }

    /// Checks the order and notes the rank as held (debug builds).
    #[inline]
    #[track_caller]
    fn enter(&self, same_rank: bool) -> u32 {
        if cfg!(debug_assertions) {
            let held = cpu::current().held_ranks.get();
            let above = if same_rank { !1 } else { !0 } << self.rank as u32;
            assert!(
                held & above == 0,
                "lock of rank {:?} taken while ranks {held:#x} are held",
                self.rank
            );
            assert!(!cpu::interrupts_enabled(), "lock taken with interrupts on");
        }
        self.hold()
    }

    #[inline]
    fn hold(&self) -> u32 {
        if !cfg!(debug_assertions) {
            return 0;
        }
        let cpu = cpu::current();
        let bit = (1 << self.rank as u32) & !cpu.held_ranks.get();
        cpu.held_ranks.set(cpu.held_ranks.get() | bit);
        bit
    }
}

/// One round of waiting for another CPU: answers what other CPUs ask of this one, then relaxes.
#[inline]
pub fn spin() {
    #[cfg(target_os = "none")]
    crate::sched::smp::poll();
    #[cfg(not(target_os = "none"))]
    {
        if cpu::current().ipi_pending.load(Ordering::Relaxed) & IPI_TLB != 0 {
            tlb::service();
        }
        cpu::relax();
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock, so nobody else has a reference to the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the lock and is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if cfg!(debug_assertions) {
            let cpu = cpu::current();
            cpu.held_ranks.set(cpu.held_ranks.get() & !self.rank_bit);
        }
        self.lock.held.store(0, Ordering::Release);
    }
}

/// A value written once during boot and read freely afterwards.
pub struct Once<T> {
    ready: AtomicBool,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value is written before `ready` is set (release) and only read after (acquire).
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Once {
            ready: AtomicBool::new(false),
            value: UnsafeCell::new(None),
        }
    }

    /// Sets the value. Boot code of one CPU calls it, once.
    pub fn set(&self, value: T) -> &T {
        assert!(!self.ready.load(Ordering::Acquire), "set twice");
        // SAFETY: not ready, so nobody reads; only one CPU runs boot code, so nobody else writes.
        unsafe { *self.value.get() = Some(value) };
        self.ready.store(true, Ordering::Release);
        self.get().expect("just set")
    }

    /// The value, if it was set.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.ready.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: once ready the value never changes.
        unsafe { (*self.value.get()).as_ref() }
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excludes_other_threads() {
        static TOTAL: SpinLock<u64> = SpinLock::new(Rank::Heap, 0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| *TOTAL.lock() += 1));
            }
        });
        assert_eq!(*TOTAL.lock(), 4000);
    }

    #[test]
    #[should_panic(expected = "taken while ranks")]
    fn refuses_the_wrong_order() {
        let inner = SpinLock::new(Rank::Frames, ());
        let outer = SpinLock::new(Rank::Heap, ());
        let _inner = inner.lock();
        let _outer = outer.lock();
    }

    #[test]
    fn two_of_one_rank_need_the_explicit_call() {
        let a = SpinLock::new(Rank::RunQueue, 1);
        let b = SpinLock::new(Rank::RunQueue, 2);
        let first = a.lock();
        assert_eq!(*first + *b.lock_same_rank(), 3);
        assert!(a.try_lock().is_none());
    }
}
