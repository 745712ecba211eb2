//! From a call number to its handler.
//!
//! The dispatcher is made from the table in `veridian_abi`: an entry's authority is checked here,
//! before its handler runs, so that no handler can forget it. A handler gets the calling thread, what its
//! first argument names (as an object, or the capability), and the raw arguments; it checks the rest, then
//! acts, and ends with an `Answer` or whatever else makes an `Outcome`. One that leaves the thread waiting,
//! or returns words, does not come back here.

pub mod abi;
mod capability;
mod machine;
mod memory;
mod process;
mod thread;
pub mod userspace;

pub use capability::rights;

use core::sync::atomic::Ordering;

use crate::arch::cpu;
use crate::cap::{Checked, Kind, Rights, Space, Token, Typed};
use crate::ipc::message_passing::{ipc_fast_call, ipc_fast_reply_receive};
use crate::process::thread::{Thread, ThreadObject};
use crate::sched::scheduler;
use veridian_abi::Error;

/// What a call returns in the status and value registers.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Zero or positive on success, an error's code otherwise.
    pub status: u64,
    /// First result.
    pub value: u64,
}

impl From<u64> for Outcome {
    /// Success with one result.
    fn from(value: u64) -> Outcome {
        Outcome { status: 0, value }
    }
}

impl From<()> for Outcome {
    /// Success.
    fn from(_: ()) -> Outcome {
        Outcome::from(0)
    }
}

impl<T: Into<Outcome>> From<Result<T, Error>> for Outcome {
    #[inline]
    fn from(result: Result<T, Error>) -> Outcome {
        match result {
            Ok(value) => value.into(),
            Err(error) => Outcome {
                status: error as i64 as u64,
                value: 0,
            },
        }
    }
}

/// Arguments as they came in the registers.
pub type Arguments = [u64; 6];

/// How most handlers end: with one result, or an error.
pub type Answer = Result<u64, Error>;

/// How others end: done, or an error.
pub type Done = Result<(), Error>;

/// What a handler takes for the capability that its first argument names.
trait Target<'a> {
    fn of(found: Checked<'a>) -> Self;
}

impl<'a> Target<'a> for Checked<'a> {
    fn of(found: Checked<'a>) -> Self {
        found
    }
}

impl<'a, T: Typed> Target<'a> for &'a T {
    fn of(found: Checked<'a>) -> Self {
        found.typed()
    }
}

impl<'a> Target<'a> for &'a mut Thread {
    fn of(found: Checked<'a>) -> Self {
        found.typed::<ThreadObject>().get()
    }
}

/// Returns a value and words to the current thread.
pub fn return_words(thread: &mut Thread, value: u64, words: [u64; 4]) -> ! {
    let [w0, w1, w2, w3] = words;
    thread.frame.set_results(&[0, value, w0, w1, w2, w3]);
    scheduler::leave_kernel()
}

impl Thread {
    /// The capability space of its process.
    #[inline]
    pub fn capabilities(&self) -> &Space {
        // SAFETY: a thread that runs or waits has a process, whose space exists.
        unsafe { &*self.space }
    }

    /// Finds a capability of the thread's process through this CPU's cache.
    #[inline]
    pub fn capability(&self, token: u64, kind: Kind, rights: Rights) -> Result<Checked<'_>, Error> {
        let cache = &cpu::current().scheduler().capabilities;
        cache.lookup(self.capabilities(), Token(token), kind, rights)
    }

    /// Finds a capability of any type.
    pub fn any_capability(&self, token: u64, rights: Rights) -> Result<Checked<'_>, Error> {
        self.capabilities().lookup_any(Token(token), rights)
    }
}

/// A call's entry; entry code jumps to it with the arguments in the order of the ABI.
pub type Entry = extern "C" fn(u64, u64, u64, u64, u64, u64) -> Outcome;

macro_rules! dispatcher {
    ($($(#[$doc:meta])* $number:literal $name:ident($($arg:ident),*) $authority:ident $(($type:ident, $rights:ident))?;)*) => {
        /// One entry for each call: checks its authority, then runs its handler.
        mod entries {
            use super::*;
            $(pub extern "C" fn $name(a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64) -> Outcome {
                let thread = current();
                crate::trace::event!(syscall_enter, thread.id, $number);
                let arguments = [a0, a1, a2, a3, a4, a5];
                leave(dispatcher!(@one thread, arguments, $name $(, $type, $rights)?))
            })*
        }

        /// One more than the highest number of a call.
        pub const COUNT: usize = {
            let mut count = 0;
            $(if count <= $number { count = $number + 1; })*
            count
        };

        /// Every call's entry by its number. The two that messages are made of have fast paths of
        /// their own, which come back to `handlers` for what is not fast.
        pub static TABLE: [Entry; COUNT] = {
            let mut table: [Entry; COUNT] = [no_such_call; COUNT];
            $(table[$number] = entries::$name;)*
            table[veridian_abi::number::call as usize] = ipc_fast_call;
            table[veridian_abi::number::reply_receive as usize] = ipc_fast_reply_receive;
            table
        };
    };
    (@one $thread:ident, $arguments:ident, $name:ident) => {
        handlers::$name($thread, $arguments).into()
    };
    (@one $thread:ident, $arguments:ident, $name:ident, $type:ident, $rights:ident) => {
        match dispatcher!(@find current(), $arguments[0], $type, Rights::$rights) {
            Ok(found) => handlers::$name($thread, Target::of(found), $arguments).into(),
            Err(error) => Err::<u64, _>(error).into(),
        }
    };
    (@find $thread:expr, $token:expr, Any, $rights:expr) => {
        $thread.any_capability($token, $rights)
    };
    (@find $thread:expr, $token:expr, $type:ident, $rights:expr) => {
        $thread.capability($token, Kind::$type, $rights)
    };
}
veridian_abi::system_calls!(dispatcher);

/// Where a number leads that is no call's.
pub extern "C" fn no_such_call(_: u64, _: u64, _: u64, _: u64, _: u64, _: u64) -> Outcome {
    Err::<u64, _>(Error::NoSuchCall).into()
}

/// The end of every call but the fast ones: back to the caller, unless another thread is to run.
#[inline(always)]
fn leave(outcome: Outcome) -> Outcome {
    let here = cpu::current();
    crate::trace::event!(syscall_leave, current().id, outcome.status);
    if (outcome.status as i64) < 0 {
        // What was made in vain goes now.
        crate::cap::reap();
    }
    if here.scheduler().need_resched.load(Ordering::Relaxed) {
        leave_to_another(outcome);
    }
    outcome
}

#[cold]
fn leave_to_another(outcome: Outcome) -> ! {
    let results = [outcome.status, outcome.value];
    current().frame.set_results(&results);
    scheduler::leave_kernel()
}

/// For entry code without a jump table of its own: every call but the two fast ones.
#[unsafe(no_mangle)]
pub extern "C" fn syscall_dispatch(
    a0: u64,
    a1: u64,
    a2: u64,
    a3: u64,
    a4: u64,
    a5: u64,
    number: u64,
) -> Outcome {
    let entry = TABLE.get(number as usize).copied().unwrap_or(no_such_call);
    entry(a0, a1, a2, a3, a4, a5)
}

/// The calling thread.
#[inline]
fn current() -> &'static mut Thread {
    // SAFETY: a system call has a current thread, which lives while it runs.
    unsafe { scheduler::current() }
}

/// Every handler by the name of its call.
mod handlers {
    pub use super::capability::*;
    pub use super::machine::*;
    pub use super::memory::*;
    pub use super::process::*;
    pub use super::thread::*;
    pub use crate::ipc::calls::*;
    pub use crate::ipc::reply::reply_save;
    pub use crate::ipc::sync::{receive, reply, reply_to, send, send_buffered};
    pub use crate::process::create::{exec, process_create, thread_create};
    pub use crate::process::fork::fork;
    pub use crate::process::futex::{
        futex_lock, futex_requeue, futex_unlock, futex_wait, futex_wake,
    };
    pub use crate::process::input::console_read;
    pub use crate::sched::affinity::set_affinity;
    pub use crate::sched::hotplug::{cpu_offline, cpu_online};
}
