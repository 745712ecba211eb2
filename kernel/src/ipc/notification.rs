//! Notifications: a word of bits that signals merge into and waits take out.

use core::cell::UnsafeCell;
use core::ptr::NonNull;

use crate::cap::{Binding, Kind, Object, ObjectOps, Progress, Typed};
use crate::lock::{Rank, SpinLock};
use crate::mm::OutOfMemory;
use crate::mm::heap::Cache;
use crate::process::thread::Thread;
use crate::process::wait::{self, Reason, WaitList};
use crate::syscall::Outcome;
use veridian_abi::Error;

crate::described! {
    #[repr(C)]
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
        lock: SpinLock<()>,
        inner: UnsafeCell<Inner>,
    }
}

// SAFETY: the inner part is reached under the lock alone.
unsafe impl Sync for Notification {}
// SAFETY: `repr(C)` with the header first.
unsafe impl Typed for Notification {
    const KIND: Kind = Kind::Notification;
}

static CACHE: Cache<Notification> = Cache::new("notification");
static OPERATIONS: ObjectOps = ObjectOps {
    sweep,
    destroy,
    holds: |_| core::ptr::null(),
};

impl Notification {
    /// A notification without bits; its one use is the caller's.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn create() -> Result<NonNull<Notification>, OutOfMemory> {
        CACHE.allocate_with(Notification {
            object: Object::new(Kind::Notification, &OPERATIONS),
            lock: SpinLock::new(Rank::Channel, ()),
            inner: UnsafeCell::new(Inner {
                bits: 0,
                waiters: WaitList::new(),
            }),
        })
    }

    /// Merges bits in; a waiter takes all of them.
    #[inline]
    pub fn signal(&self, bits: u64) {
        let guard = self.lock.lock();
        // SAFETY: the lock is held.
        let inner = unsafe { &mut *self.inner.get() };
        if bits == 0 || inner.waiters.is_empty() {
            inner.bits |= bits;
            return;
        }
        let taken = core::mem::take(&mut inner.bits) | bits;
        // SAFETY: the lock is held; what is popped is this function's.
        unsafe {
            let waiter = inner.waiters.pop();
            drop(guard);
            wait::finish(waiter, 0, taken);
        }
    }

    /// Takes the bits, or waits for some.
    pub fn wait(&self, thread: &mut Thread, via: Binding, info: u64) -> Outcome {
        let guard = self.lock.lock();
        // SAFETY: the lock is held.
        let inner = unsafe { &mut *self.inner.get() };
        if inner.bits != 0 {
            return Ok::<u64, Error>(core::mem::take(&mut inner.bits)).into();
        }
        wait::block(
            thread,
            Reason::Notification,
            core::ptr::from_ref(self) as u64,
            via,
            info,
            |thread| {
                // SAFETY: the lock is held; the thread is running, so in no list.
                unsafe { inner.waiters.insert(thread, &raw const self.lock) };
                drop(guard);
            },
        )
    }
}

fn of(object: &Object) -> &Notification {
    // SAFETY: these operations are installed in notifications alone, whose header comes first.
    unsafe { &*core::ptr::from_ref(object).cast() }
}

fn sweep(object: &Object) -> Progress {
    let notification = of(object);
    let found = {
        let _guard = notification.lock.lock();
        // SAFETY: the lock is held.
        wait::take_dead(unsafe { &(*notification.inner.get()).waiters })
    };
    // SAFETY: `take_dead` unlinked the thread, so its wake-up is this function's.
    found.map_or(Progress::Done, |thread| unsafe {
        wait::finish(thread, Error::Revoked as i64 as u64, 0);
        Progress::More
    })
}

/// Frees a notification that nobody uses.
///
/// # Safety
/// As `ObjectOps::destroy` says.
unsafe fn destroy(object: NonNull<Object>) {
    // SAFETY: nobody uses it, and nobody waits: a waiter's binding would have been swept.
    unsafe { CACHE.free(object.cast()) };
}
