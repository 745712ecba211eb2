//! Asynchronous channels: a lock-free ring between processes, with batches.
//!
//! Senders never wait: a full ring takes what it has room for, and says so. Receivers wait if they
//! want to, or bind a notification to the channel, which a send then signals; one notification bound to
//! several channels waits for any of them. Messages stand in the batch area of the message buffers.
//!
//! A receiver that is about to wait announces it, then looks at the ring again; a sender puts messages
//! in, then looks for the announcement, with a full fence on both sides: one of the two sees the other.

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering, fence};

use super::notification::Notification;
use super::ring::{Ring, WORDS};
use crate::cap::{self, Binding, Kind, Object, Progress, Use};
use crate::lock::{Rank, SpinLock};
use crate::process::thread::Thread;
use crate::process::wait::{self, Reason, WaitList};
use crate::syscall::Answer;
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
        waiters: SpinLock<WaitList>,
        bound: AtomicPtr<Notification>,
        bound_bits: AtomicU64,
    }
}

crate::object_type! {
    Channel: Kind::Channel, "channel";

    fn sweep(&self) -> Progress {
        wait::sweep(|| self.waiters.lock().take_dead())
    }
}

/// The batch area of a thread's message buffer, which has room for `count` messages.
fn batch(thread: &Thread, count: u64) -> Result<*mut u64, Error> {
    if count == 0 || count > BATCH_MAX || thread.buffer.is_null() {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: a live thread's buffer is a frame that the kernel has mapped.
    Ok(unsafe { (&raw mut (*thread.buffer).batch).cast() })
}

impl Channel {
    /// An empty channel for `capacity` messages, a power of two.
    ///
    /// # Errors
    /// `InvalidArgument` for another capacity, `OutOfMemory`.
    pub fn create(capacity: u64) -> Result<Use<Channel>, Error> {
        if !capacity.is_power_of_two() || capacity > CAPACITY_MAX {
            return Err(Error::InvalidArgument);
        }
        cap::create(Channel {
            object: cap::header::<Channel>(),
            ring: Ring::create(capacity as usize).ok_or(Error::OutOfMemory)?,
            consuming: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            waiters: SpinLock::new(Rank::Channel, WaitList::new()),
            bound: AtomicPtr::new(null_mut()),
            bound_bits: AtomicU64::new(0),
        })
    }

    /// Puts up to `count` messages of the sender's batch area in. Result: how many.
    ///
    /// # Errors
    /// `InvalidArgument` for a count of 0 or beyond the batch area, `WouldBlock` if the ring is full.
    pub fn send(&self, thread: &Thread, count: u64) -> Result<u64, Error> {
        let batch = batch(thread, count)?;
        let sent = self.ring.send(count as usize, |i| {
            // SAFETY: `batch` has checked that there is room for `count` messages.
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
            let mut waiters = self.waiters.lock();
            let waiter = waiters.pop();
            self.waiting.store(!waiters.is_empty(), Ordering::Relaxed);
            waiter
        };
        if let Some(waiter) = waiter {
            // It is to look again.
            waiter.finish(Ok(0));
        }
    }

    /// Takes up to `count` messages into the receiver's batch area, or waits for one; a receiver that
    /// was woken gets 0 and looks again, since another may have been faster.
    pub fn receive(&self, thread: &mut Thread, via: Binding, count: u64, info: u64) -> Answer {
        let batch = batch(thread, count)?;
        if self.consuming.swap(true, Ordering::Acquire) {
            return Err(Error::Busy);
        }
        let taken = self.ring.receive(count as usize, |i, words| {
            for (word, value) in words.into_iter().enumerate() {
                // SAFETY: as in `send`.
                unsafe { batch.add(i * WORDS + word).write_volatile(value) };
            }
        });
        self.consuming.store(false, Ordering::Release);
        if taken != 0 {
            return Ok(taken as u64);
        }
        if MessageInfo(info).has(MessageInfo::NO_WAIT) {
            return Err(Error::WouldBlock);
        }
        let waiters = self.waiters.lock();
        self.waiting.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.ring.is_ready() {
            return Ok(0);
        }
        let what = (Reason::Channel, &raw const *self as u64);
        wait::block(thread, what, via, info, waiters, |waiters| waiters)
    }

    /// Has sends signal `bits` of a notification.
    pub fn bind(&self, notification: Use<Notification>, bits: u64) {
        self.bound_bits.store(bits, Ordering::Relaxed);
        let new = notification.into_raw().as_ptr();
        let old = self.bound.swap(new, Ordering::AcqRel);
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

impl Drop for Channel {
    fn drop(&mut self) {
        release(*self.bound.get_mut());
    }
}
