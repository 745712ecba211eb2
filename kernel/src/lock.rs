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
use core::sync::atomic::{AtomicU32, Ordering};

/// A value that boot code sets (`call_once`) and everybody reads afterwards.
pub use spin::Once;

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
#[repr(C)]
pub struct SpinLock<T> {
    value: UnsafeCell<T>,
    held: AtomicU32,
    rank: Rank,
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
    #[track_caller]
    pub fn lock(&self) -> Guard<'_, T> {
        self.acquire(false)
    }

    /// Takes a second lock of a rank already held. The caller orders such locks by address (or
    /// by CPU number), always the same way.
    #[track_caller]
    pub fn lock_same_rank(&self) -> Guard<'_, T> {
        self.acquire(true)
    }

    /// Takes the lock if it is free. Any order is safe, since nothing waits.
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        (self.held.swap(1, Ordering::Acquire) == 0).then(|| self.guard())
    }

    /// The lock itself, whatever it guards: as threads name it that wait behind it.
    pub const fn wait_lock(&self) -> *const SpinLock<()> {
        // `repr(C)`: a lock that guards nothing looks like the end of every lock.
        (&raw const self.held).cast()
    }

    /// Where the value is, for the description of kernel data and for a panicking CPU.
    pub const fn as_ptr(&self) -> *mut T {
        self.value.get()
    }

    /// Checks the order (debug builds), then takes the lock.
    #[inline(always)]
    #[track_caller]
    fn acquire(&self, same_rank: bool) -> Guard<'_, T> {
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
        if self.held.swap(1, Ordering::Acquire) != 0 {
            self.contend();
        }
        self.guard()
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

    /// The right to the value of the lock that this CPU has just taken; notes its rank as held
    /// (debug builds).
    #[inline(always)]
    fn guard(&self) -> Guard<'_, T> {
        let mut rank_bit = 0;
        if cfg!(debug_assertions) {
            let held = &cpu::current().held_ranks;
            rank_bit = (1 << self.rank as u32) & !held.get();
            held.set(held.get() | rank_bit);
        }
        let lock = self;
        Guard { lock, rank_bit }
    }
}

/// One round of waiting for another CPU: answers what other CPUs ask of this one, then relaxes.
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

impl<T> Guard<'_, T> {
    /// See `SpinLock::wait_lock`.
    pub fn wait_lock(&self) -> *const SpinLock<()> {
        self.lock.wait_lock()
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock, so nobody else has a reference to the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the lock and is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        if cfg!(debug_assertions) {
            let cpu = cpu::current();
            cpu.held_ranks.set(cpu.held_ranks.get() & !self.rank_bit);
        }
        self.lock.held.store(0, Ordering::Release);
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
