//! Reply capabilities: the right to answer one caller once, at any later time, from any thread
//! that holds it.
//!
//! A server turns the caller it serves into a reply object and is free to receive again. The first
//! answer uses the object up; if the last capability to it goes without one, the caller learns
//! that its peer died. A caller whose wait ends otherwise clears the link.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::sync;
use crate::cap::{self, Kind, Object, Rights};
use crate::process::pcb::Process;
use crate::process::thread::Thread;
use crate::process::wait::{self, Claimed, Wait};
use crate::syscall::{Answer, Arguments};
use veridian_abi::Error;

crate::described! {
    /// The right to answer a caller.
    #[repr(C)]
    pub struct Reply {
        object: Object,
        /// Who waits for it, or null.
        pub caller: AtomicPtr<Thread>,
    }
}

crate::object_type!(Reply: Kind::Reply, "reply";);

/// The system call `reply_save`. Result: the token of the reply capability.
///
/// # Errors
/// `NoReplyExpected` if the thread serves nobody, `OutOfMemory`, `SpaceFull`; it still serves then.
pub fn reply_save(thread: &mut Thread, process: &Process, _: Arguments) -> Answer {
    let caller = thread.ipc.caller.load(Ordering::Acquire);
    if caller.is_null() {
        return Err(Error::NoReplyExpected);
    }
    let reply = cap::create(Reply {
        object: cap::header::<Reply>(),
        caller: AtomicPtr::new(null_mut()),
    })?;
    let space = process.space()?;
    let token = space.insert_root(reply.header(), Rights::WRITE | Rights::GRANT, 0)?;
    let hand_on = || {
        reply.caller.store(caller, Ordering::Release);
        // SAFETY: a thread that waits is alive.
        let wait = unsafe { &(*caller).wait };
        wait.reply
            .store((&raw const *reply).cast_mut(), Ordering::Release);
        wait.server.store(null_mut(), Ordering::Release);
    };
    // SAFETY: a caller clears the link before it is freed, and a grace period covers the rest.
    let moved = unsafe { wait::while_waiting(caller, |wait| wait.is_for(thread), hand_on) };
    thread.ipc.caller.store(null_mut(), Ordering::Release);
    sync::stop_serving(thread);
    if moved.is_none() {
        // The caller has stopped waiting; the token is of no use to anybody.
        let _ = space.delete(token);
        return Err(Error::NoReplyExpected);
    }
    Ok(token.0)
}

impl Reply {
    /// Takes the caller to answer, unless it was answered or has stopped waiting.
    pub fn take(&self) -> Option<Claimed> {
        let caller = self.caller.swap(null_mut(), Ordering::AcqRel);
        let mine = |wait: &Wait| core::ptr::eq(wait.reply.load(Ordering::Relaxed), self);
        // SAFETY: as in `reply_save`.
        unsafe { wait::claim(caller, mine) }
    }
}

impl Drop for Reply {
    /// Nobody can give the reply any more; the caller learns it.
    fn drop(&mut self) {
        if let Some(caller) = self.take() {
            caller.finish(Err(Error::PeerDied));
        }
    }
}
