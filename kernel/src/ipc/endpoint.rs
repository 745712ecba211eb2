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

use super::buffer::Buffer;
use super::limit::Limit;
use super::metrics::Metrics;
use crate::cap::{self, Keep, Kind, Object, Progress, Space, Token, Use};
use crate::lock::{Rank, SpinLock};
use crate::process::wait::{self, Claimed, WaitList};
use veridian_abi::{CAPS_MAX, Error};

crate::described! {
    /// What an endpoint's lock guards.
    #[repr(C)]
    #[derive(Default)]
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
        /// Who waits here, and for what.
        pub queues: SpinLock<Queues>,
        /// Where the capabilities of buffered messages live.
        pub space: Keep,
    }
}

crate::object_type! {
    Endpoint: Kind::Endpoint, "endpoint";

    #[inline]
    fn sweep(&self) -> Progress {
        wait::sweep(|| self.take(WaitList::take_dead))
    }

    fn holds(&self) -> *const Space {
        self.space.as_ptr()
    }
}

impl Queues {
    /// Takes a message with `badge` into account. Result: 0, or nanoseconds until its sender may try
    /// again.
    ///
    /// # Errors
    /// `Closed`.
    pub fn admit(&mut self, badge: u64) -> Result<u64, Error> {
        if self.unusual & unusual::CLOSED != 0 {
            return Err(Error::Closed);
        }
        if self.unusual & unusual::LIMITED == 0 {
            return Ok(0);
        }
        let wait = self.limit.take(badge);
        self.metrics.limited += (wait != 0) as u64;
        Ok(wait)
    }
}

impl Endpoint {
    /// A new endpoint that buffers up to `buffered` messages.
    ///
    /// # Errors
    /// `InvalidArgument` for too large a buffer, `OutOfMemory`.
    pub fn create(buffered: u64) -> Result<Use<Endpoint>, Error> {
        let queues = Queues {
            buffer: Buffer::create(buffered)?,
            ..Queues::default()
        };
        let endpoint = cap::create(Endpoint {
            object: cap::header::<Endpoint>(),
            queues: SpinLock::new(Rank::Channel, queues),
            space: Keep::default(),
        })?;
        let mut queues = endpoint.queues.lock();
        queues.receivers.settle();
        queues.in_flight.settle();
        drop(queues);
        if buffered != 0 {
            let limit = buffered as u32 * CAPS_MAX as u32;
            endpoint.space.fill(&endpoint.object, false, limit)?;
        }
        Ok(endpoint)
    }

    /// Ends the wait of everybody here, drops buffered messages and refuses further use.
    pub fn close(&self) {
        self.queues.lock().unusual |= unusual::CLOSED;
        while let Some(waiter) = self.take(WaitList::pop) {
            waiter.finish(Err(Error::Closed));
        }
        self.queues.lock().buffer = Buffer::default();
        self.space.close();
    }

    /// Takes a waiter out of whichever list has one.
    fn take(&self, take: impl Fn(&mut WaitList) -> Option<Claimed>) -> Option<Claimed> {
        let queues = &mut *self.queues.lock();
        take(&mut queues.senders)
            .or_else(|| take(&mut queues.receivers))
            .or_else(|| take(&mut queues.in_flight))
    }

    /// Deletes capabilities of a message that is not delivered.
    pub fn discard(&self, caps: &[Token]) {
        // It is in use while deletions wait for other CPUs.
        if let (Some(_used), Some(space)) = (Use::of(self), self.space.get()) {
            for &token in caps {
                // It may have been revoked already.
                let _ = space.delete(token);
            }
        }
    }
}
