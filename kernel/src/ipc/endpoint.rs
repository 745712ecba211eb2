//! The endpoint: where synchronous messages meet.
//!
//! Model: an endpoint has three wait lists under one lock: senders whose message nobody has taken,
//! receivers that wait for one, and callers whose message was taken and who wait for the reply. At
//! most one of the first two is not empty. Buffered messages stand in a ring before the senders.
//!
//! A thread in `in_flight` names in `Wait::server` who is to answer; that thread's `Ipc::caller`
//! names it back. Both are set under the endpoint's lock; whoever takes the caller out of the
//! list clears the other.
//!
//! Lock order: an endpoint's lock (`Channel`) is taken with no other endpoint's held.

use core::cell::UnsafeCell;
use core::ptr::NonNull;

use super::buffer::Buffer;
use super::limit::Limit;
use super::metrics::Metrics;
use crate::cap::{Kind, Object, ObjectOps, Progress, Space, Typed};
use crate::lock::{Guard, Rank, SpinLock};
use crate::mm::heap::Cache;
use crate::process::thread::Thread;
use crate::process::wait::{self, WaitList};
use veridian_abi::Error;

crate::described! {
    /// What an endpoint's lock guards.
    #[repr(C)]
    pub struct Queues {
        /// Odd while the rest changes.
        pub sequence: u64,
        /// Threads whose message nobody has taken.
        pub senders: WaitList,
        /// Threads that wait for a message.
        pub receivers: WaitList,
        /// Callers whose message was taken.
        pub in_flight: WaitList,
        /// What makes the fast path step aside.
        pub unusual: u32,
        /// Rate limit.
        pub limit: Limit,
        /// Buffered messages.
        pub buffer: Buffer,
        /// Counts.
        pub metrics: Metrics,
    }
    sequence: sequence()
}

/// Bits of `Queues::unusual`.
pub mod unusual {
    /// Nobody may use it any more.
    pub const CLOSED: u32 = 1;
    /// A rate limit is set.
    pub const LIMITED: u32 = 1 << 1;
    /// The ring holds messages.
    pub const BUFFERED: u32 = 1 << 2;
    /// Senders wait, or did when a receiver last looked.
    pub const SENDERS: u32 = 1 << 3;
}

crate::described! {
    /// A synchronous channel.
    #[repr(C)]
    pub struct Endpoint {
        object: Object,
        lock: SpinLock<()>,
        queues: UnsafeCell<Queues>,
    }
}

// SAFETY: the queues are reached only through `lock`.
unsafe impl Sync for Endpoint {}
// SAFETY: `repr(C)` with the header first.
unsafe impl Typed for Endpoint {
    const KIND: Kind = Kind::Endpoint;
}

static CACHE: Cache<Endpoint> = Cache::new("endpoint");
static OPERATIONS: ObjectOps = ObjectOps {
    sweep,
    destroy,
    holds: |object| {
        of(object)
            .buffer_space()
            .map_or(core::ptr::null(), core::ptr::from_ref)
    },
};

/// An endpoint's queues, locked.
pub struct Locked<'a> {
    _guard: Guard<'a, ()>,
    queues: &'a mut Queues,
}

impl core::ops::Deref for Locked<'_> {
    type Target = Queues;
    #[inline]
    fn deref(&self) -> &Queues {
        self.queues
    }
}

impl core::ops::DerefMut for Locked<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Queues {
        self.queues
    }
}

impl Endpoint {
    /// A new endpoint that buffers up to `buffered` messages; its one use is the caller's.
    ///
    /// # Errors
    /// `InvalidArgument` for too large a buffer, `OutOfMemory`.
    pub fn create(buffered: u64) -> Result<NonNull<Endpoint>, Error> {
        let endpoint = CACHE.allocate().map_err(|_| Error::OutOfMemory)?;
        let buffer = match Buffer::create(buffered, endpoint.as_ptr().cast()) {
            Ok(buffer) => buffer,
            Err(error) => {
                // SAFETY: just allocated, never used.
                unsafe { CACHE.free_uninit(endpoint) };
                return Err(error);
            }
        };
        let endpoint = endpoint.cast::<Endpoint>();
        let value = Endpoint {
            object: Object::new(Kind::Endpoint, &OPERATIONS),
            lock: SpinLock::new(Rank::Channel, ()),
            queues: UnsafeCell::new(Queues {
                sequence: 0,
                senders: WaitList::new(),
                receivers: WaitList::new(),
                in_flight: WaitList::new(),
                unusual: 0,
                limit: Limit::none(),
                buffer,
                metrics: Metrics::new(),
            }),
        };
        // SAFETY: the memory is fresh and large enough; nobody else knows the endpoint.
        unsafe {
            endpoint.write(value);
            let queues = (*endpoint.as_ptr()).queues.get_mut();
            queues.receivers.settle();
            queues.in_flight.settle();
        }
        Ok(endpoint)
    }

    /// Where the capabilities of buffered messages live; it never changes.
    pub fn buffer_space(&self) -> Option<&Space> {
        // SAFETY: the buffer's space is set at creation and dropped with the endpoint.
        unsafe { (*self.queues.get()).buffer.space() }
    }

    /// The kernel object.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Locks the queues.
    #[inline]
    pub fn lock(&self) -> Locked<'_> {
        self.locked(self.lock.lock())
    }

    /// Locks the queues unless somebody else has.
    #[inline(always)]
    pub fn try_lock(&self) -> Option<Locked<'_>> {
        self.lock.try_lock().map(|guard| self.locked(guard))
    }

    #[inline(always)]
    fn locked<'a>(&'a self, guard: Guard<'a, ()>) -> Locked<'a> {
        // SAFETY: the lock is held as long as the reference lives.
        let queues = unsafe { &mut *self.queues.get() };
        Locked {
            _guard: guard,
            queues,
        }
    }

    /// The lock, as waiting threads name it.
    #[inline]
    pub fn wait_lock(&self) -> *const SpinLock<()> {
        &raw const self.lock
    }

    /// Ends the wait of everybody here, drops buffered messages and refuses further use.
    pub fn close(&self) {
        self.lock().unusual |= unusual::CLOSED;
        while self.end_one(|_| true, Error::Closed) {}
        loop {
            let Some(message) = self.lock().buffer.pop() else {
                break;
            };
            if let Some(space) = self.buffer_space() {
                for token in message.caps.iter().filter(|token| token.0 != 0) {
                    // It may have been revoked already.
                    let _ = space.delete(*token);
                }
            }
        }
    }

    /// Ends one wait for which `which` holds; false if there is none.
    fn end_one(&self, which: impl Fn(&Thread) -> bool, error: Error) -> bool {
        let thread = {
            let queues = self.lock();
            let found = [&queues.senders, &queues.receivers, &queues.in_flight]
                .into_iter()
                .find_map(|list| NonNull::new(list.find(&which)));
            match found {
                // SAFETY: the thread is in a list of this endpoint, whose lock is held.
                Some(thread) => unsafe {
                    wait::unlink(thread.as_ptr());
                    thread.as_ptr()
                },
                None => return false,
            }
        };
        // SAFETY: it was unlinked above, so its wake-up is this function's.
        unsafe { wait::finish(thread, error as i64 as u64, 0) };
        true
    }
}

fn of(object: &Object) -> &Endpoint {
    // SAFETY: these operations are installed in endpoints alone, whose header comes first.
    unsafe { &*(&raw const *object).cast() }
}

/// Ends the waits of threads that blocked through a capability which no longer exists.
fn sweep(object: &Object) -> Progress {
    match of(object).end_one(|thread| !thread.via().is_live(), Error::Revoked) {
        true => Progress::More,
        false => Progress::Done,
    }
}

/// Frees an endpoint that nobody uses.
///
/// # Safety
/// As `ObjectOps::destroy` says.
unsafe fn destroy(object: NonNull<Object>) {
    let endpoint = object.cast::<Endpoint>();
    // SAFETY: nobody else uses the endpoint; no thread waits in it, since a waiting thread's
    // binding would have been swept.
    unsafe {
        if let Some(space) = endpoint.as_ref().buffer_space() {
            space.close();
        }
        CACHE.free(endpoint);
    }
}
