//! Notifications: a word of bits that signals merge into and waits take out.

use crate::cap::{self, Binding, Kind, Object, Progress, Use};
use crate::lock::{Rank, SpinLock};
use crate::process::thread::Thread;
use crate::process::wait::{self, Reason, WaitList};
use crate::syscall::Answer;
use veridian_abi::Error;

crate::described! {
    #[repr(C)]
    #[derive(Default)]
    struct Inner {
        bits: u64,
        waiters: WaitList,
    }
}

crate::described! {
    /// A notification.
    #[repr(C)]
    pub struct Notification {
        object: Object,
        inner: SpinLock<Inner>,
    }
}

crate::object_type! {
    Notification: Kind::Notification, "notification";

    fn sweep(&self) -> Progress {
        wait::sweep(|| self.inner.lock().waiters.take_dead())
    }
}

impl Notification {
    /// A notification without bits.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn create() -> Result<Use<Notification>, Error> {
        cap::create(Notification {
            object: cap::header::<Notification>(),
            inner: SpinLock::new(Rank::Channel, Inner::default()),
        })
    }

    /// Merges bits in; a waiter takes all of them.
    #[inline]
    pub fn signal(&self, bits: u64) {
        let mut inner = self.inner.lock();
        inner.bits |= bits;
        if bits == 0 || inner.waiters.is_empty() {
            return;
        }
        let taken = core::mem::take(&mut inner.bits);
        let waiter = inner.waiters.pop();
        drop(inner);
        if let Some(waiter) = waiter {
            waiter.finish(Ok(taken));
        }
    }

    /// Takes the bits, or waits for some.
    pub fn wait(&self, thread: &mut Thread, via: Binding, info: u64) -> Answer {
        let mut inner = self.inner.lock();
        if inner.bits != 0 {
            return Ok(core::mem::take(&mut inner.bits));
        }
        let what = (Reason::Notification, &raw const *self as u64);
        wait::block(thread, what, via, info, inner, |inner| &mut inner.waiters)
    }
}
