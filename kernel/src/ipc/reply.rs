//! Reply capabilities: the right to answer one caller once, at any later time, from any thread
//! that holds it.
//!
//! A server turns the caller it serves into a reply object and is free to receive again. The first
//! answer uses the object up; if the last capability to it goes without one, the caller learns
//! that its peer died. A caller whose wait ends otherwise clears the link.

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use super::sync;
use crate::cap::{Kind, Object, ObjectOps, Progress, Rights, Typed, Use};
use crate::mm::heap::Cache;
use crate::process::pcb::Process;
use crate::process::thread::Thread;
use crate::process::wait;
use veridian_abi::Error;

crate::described! {
    /// The right to answer a caller.
    #[repr(C)]
    pub struct Reply {
        object: Object,
        caller: AtomicPtr<Thread>,
    }
}

// SAFETY: the caller is atomic and checked under the lock of its wait.
unsafe impl Sync for Reply {}
// SAFETY: `repr(C)` with the header first.
unsafe impl Typed for Reply {
    const KIND: Kind = Kind::Reply;
}

static CACHE: Cache<Reply> = Cache::new("reply");
static OPERATIONS: ObjectOps = ObjectOps {
    sweep: |_| Progress::Done,
    destroy,
    holds: |_| core::ptr::null(),
};

/// The system call `reply_save`. Result: the token of the reply capability.
///
/// # Errors
/// `NoReplyExpected` if the thread serves nobody, `OutOfMemory`, `SpaceFull`; it still serves then.
pub fn save(thread: &mut Thread, process: &Process) -> Result<u64, Error> {
    let caller = thread.ipc.caller.load(Ordering::Acquire);
    if caller.is_null() {
        return Err(Error::NoReplyExpected);
    }
    let reply = Reply {
        object: Object::new(Kind::Reply, &OPERATIONS),
        caller: AtomicPtr::new(null_mut()),
    };
    let reply = CACHE.allocate_with(reply).map_err(|_| Error::OutOfMemory)?;
    // SAFETY: a new object's one use is its creator's; the caller of this call holds a capability
    // of the process, which therefore exists.
    let (reply, space) = unsafe { (Use::from_raw(reply), process.open_space()?) };
    let token = space.insert_root(reply.header(), Rights::WRITE | Rights::GRANT, 0)?;
    // SAFETY: a caller clears the link before it is freed, and a grace period covers the rest.
    let moved = unsafe {
        wait::hand_on(caller, thread, || {
            reply.caller.store(caller, Ordering::Release);
            (*caller)
                .wait
                .reply
                .store(core::ptr::from_ref(&*reply).cast_mut(), Ordering::Release);
        })
    };
    thread.ipc.caller.store(null_mut(), Ordering::Release);
    sync::stop_serving(thread);
    if !moved {
        // The caller has stopped waiting; the token is of no use to anybody.
        let _ = space.delete(token);
        return Err(Error::NoReplyExpected);
    }
    Ok(token.0)
}

impl Reply {
    /// Takes the caller to answer; null if it was answered or has stopped waiting. The taker owns its
    /// wake-up.
    pub fn take(&self) -> *mut Thread {
        let caller = self.caller.swap(null_mut(), Ordering::AcqRel);
        // SAFETY: as in `save`.
        if caller.is_null() || !unsafe { wait::claim_reply(caller, self) } {
            return null_mut();
        }
        caller
    }

    /// Forgets a caller whose wait has ended.
    pub fn forget(&self, caller: *mut Thread) {
        let _ =
            self.caller
                .compare_exchange(caller, null_mut(), Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Frees a reply that nobody can give any more; the caller learns it.
///
/// # Safety
/// As `ObjectOps::destroy` says.
unsafe fn destroy(object: NonNull<Object>) {
    let reply = object.cast::<Reply>();
    // SAFETY: nobody else uses the object; a caller that was taken is this function's to wake.
    unsafe {
        let caller = reply.as_ref().take();
        if !caller.is_null() {
            wait::finish(caller, Error::PeerDied as i64 as u64, 0);
        }
        CACHE.free(reply);
    }
}
