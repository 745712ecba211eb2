//! Asynchronous channels: a lock-free ring between processes, with batches.
//!
//! Senders never wait: a full ring takes what it has room for, and says so. Receivers wait if they
//! want to, or bind a notification to the channel, which a send then signals; one notification bound to
//! several channels waits for any of them. Messages stand in the batch area of the message buffers.
//!
//! A receiver that is about to wait announces it, then looks at the ring again; a sender puts messages
//! in, then looks for the announcement, with a full fence on both sides: one of the two sees the other.

use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering, fence};

use super::notification::Notification;
use super::ring::{Ring, WORDS};
use crate::cap::{Binding, Kind, Object, ObjectOps, Progress, Typed, Use};
use crate::lock::{Rank, SpinLock};
use crate::mm::heap::Cache;
use crate::process::thread::Thread;
use crate::process::wait::{self, Reason, WaitList};
use crate::sched::{scheduler, timers};
use crate::syscall::{Outcome, deadline};
use veridian_abi::{Error, MessageInfo};

/// Messages that a channel holds at most.
const CAPACITY_MAX: u64 = 4096;
/// Messages of a batch at most.
const BATCH_MAX: u64 = 112;

crate::described! {
    /// An asynchronous channel.
    #[repr(C)]
    pub struct Channel {
        object: Object,
        ring: Ring,
        /// A receiver empties the ring.
        consuming: AtomicBool,
        /// Somebody waits.
        waiting: AtomicBool,
        lock: SpinLock<()>,
        waiters: UnsafeCell<WaitList>,
        bound: AtomicPtr<Notification>,
        bound_bits: AtomicU64,
    }
}

// SAFETY: the waiters are reached under the lock alone; the rest is atomic.
unsafe impl Sync for Channel {}
// SAFETY: `repr(C)` with the header first.
unsafe impl Typed for Channel {
    const KIND: Kind = Kind::Channel;
}

static CACHE: Cache<Channel> = Cache::new("channel");
static OPERATIONS: ObjectOps = ObjectOps {
    sweep,
    destroy,
    holds: |_| core::ptr::null(),
};

impl Channel {
    /// An empty channel for `capacity` messages, a power of two; its one use is the caller's.
    ///
    /// # Errors
    /// `InvalidArgument` for another capacity, `OutOfMemory`.
    pub fn create(capacity: u64) -> Result<NonNull<Channel>, Error> {
        if !capacity.is_power_of_two() || capacity > CAPACITY_MAX {
            return Err(Error::InvalidArgument);
        }
        let ring = Ring::create(capacity as usize).ok_or(Error::OutOfMemory)?;
        let channel = CACHE.allocate_with(Channel {
            object: Object::new(Kind::Channel, &OPERATIONS),
            ring,
            consuming: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            lock: SpinLock::new(Rank::Channel, ()),
            waiters: UnsafeCell::new(WaitList::new()),
            bound: AtomicPtr::new(null_mut()),
            bound_bits: AtomicU64::new(0),
        });
        channel.map_err(|_| Error::OutOfMemory)
    }

    /// Puts up to `count` messages of the sender's batch area in. Result: how many.
    ///
    /// # Errors
    /// `InvalidArgument` for a count of 0 or beyond the batch area, `WouldBlock` if the ring is full.
    pub fn send(&self, thread: &Thread, count: u64) -> Result<u64, Error> {
        if count == 0 || count > BATCH_MAX || thread.buffer.is_null() {
            return Err(Error::InvalidArgument);
        }
        // SAFETY: a live thread's buffer is a frame that the kernel has mapped; the batch area has
        // room for `BATCH_MAX` messages.
        let batch = unsafe { (&raw const (*thread.buffer).batch).cast::<u64>() };
        let sent = self.ring.send(count as usize, |i| {
            // SAFETY: as above.
            core::array::from_fn(|word| unsafe { batch.add(i * WORDS + word).read_volatile() })
        });
        if sent == 0 {
            return Err(Error::WouldBlock);
        }
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) {
            self.wake();
        }
        // SAFETY: the channel holds a use of what is bound to it, which a grace period covers when
        // it is replaced.
        if let Some(bound) = unsafe { self.bound.load(Ordering::Acquire).as_ref() } {
            bound.signal(self.bound_bits.load(Ordering::Relaxed));
        }
        Ok(sent as u64)
    }

    #[cold]
    fn wake(&self) {
        let waiter = {
            let _guard = self.lock.lock();
            // SAFETY: the lock is held.
            let waiters = unsafe { &mut *self.waiters.get() };
            // SAFETY: as above.
            let waiter = unsafe { waiters.pop() };
            self.waiting.store(!waiters.is_empty(), Ordering::Relaxed);
            waiter
        };
        if !waiter.is_null() {
            // SAFETY: just popped, so its wake-up is this function's. Value 0: look again.
            unsafe { wait::finish(waiter, 0, 0) };
        }
    }

    /// Takes up to `count` messages into the receiver's batch area, or waits for one; a receiver that
    /// was woken gets 0 and looks again, since another may have been faster.
    pub fn receive(&self, thread: &mut Thread, via: Binding, count: u64, info: u64) -> Outcome {
        if count == 0 || count > BATCH_MAX || thread.buffer.is_null() {
            return Err::<u64, _>(Error::InvalidArgument).into();
        }
        match self.take(thread, count) {
            Ok(0) if MessageInfo(info).has(MessageInfo::NO_WAIT) => {
                Err::<u64, _>(Error::WouldBlock).into()
            }
            Ok(0) => self.block(thread, via, info),
            other => other.into(),
        }
    }

    fn take(&self, thread: &Thread, count: u64) -> Result<u64, Error> {
        if self.consuming.swap(true, Ordering::Acquire) {
            return Err(Error::Busy);
        }
        // SAFETY: as in `send`.
        let batch = unsafe { (&raw mut (*thread.buffer).batch).cast::<u64>() };
        let taken = self.ring.receive(count as usize, |i, words| {
            for (word, value) in words.into_iter().enumerate() {
                // SAFETY: as in `send`.
                unsafe { batch.add(i * WORDS + word).write_volatile(value) };
            }
        });
        self.consuming.store(false, Ordering::Release);
        Ok(taken as u64)
    }

    fn block(&self, thread: &mut Thread, via: Binding, info: u64) -> Outcome {
        thread.wait.reason = Reason::Channel;
        thread.wait.object = core::ptr::from_ref(self) as u64;
        thread.wait.via = via;
        let deadline = deadline(thread, info);
        if deadline != u64::MAX {
            timers::arm(thread, deadline);
        }
        {
            let _guard = self.lock.lock();
            // SAFETY: the lock is held; the thread is running, so in no list.
            unsafe { (*self.waiters.get()).insert(thread, &raw const self.lock) };
            self.waiting.store(true, Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
        // SAFETY: the current thread is alive. If somebody has woken it already, it is in a queue.
        if self.ring.is_ready() && unsafe { wait::claim(thread) } {
            wait::settle(thread);
            return Ok::<u64, Error>(0).into();
        }
        scheduler::reschedule()
    }

    /// Has sends signal `bits` of a notification.
    pub fn bind(&self, notification: Use<Notification>, bits: u64) {
        self.bound_bits.store(bits, Ordering::Relaxed);
        let old = self
            .bound
            .swap(notification.into_raw().as_ptr(), Ordering::AcqRel);
        crate::sched::smp::barrier();
        release(old);
    }
}

fn release(bound: *mut Notification) {
    if let Some(bound) = NonNull::new(bound) {
        // SAFETY: the channel held this use.
        drop(unsafe { Use::from_raw(bound) });
    }
}

fn sweep(object: &Object) -> Progress {
    // SAFETY: these operations are installed in channels alone, whose header comes first.
    let channel: &Channel = unsafe { &*core::ptr::from_ref(object).cast() };
    let found = {
        let _guard = channel.lock.lock();
        // SAFETY: the lock is held.
        wait::take_dead(unsafe { &*channel.waiters.get() })
    };
    // SAFETY: `take_dead` unlinked the thread, so its wake-up is this function's.
    found.map_or(Progress::Done, |thread| unsafe {
        wait::finish(thread, Error::Revoked as i64 as u64, 0);
        Progress::More
    })
}

/// Frees a channel that nobody uses.
///
/// # Safety
/// As `ObjectOps::destroy` says.
unsafe fn destroy(object: NonNull<Object>) {
    let channel = object.cast::<Channel>();
    // SAFETY: nobody uses it; its ring's memory and what is bound to it go with it.
    unsafe {
        release(channel.as_ref().bound.load(Ordering::Acquire));
        CACHE.free(channel);
    }
}
