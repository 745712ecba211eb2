//! Threads.
//!
//! ```ignore
//! let worker = thread::spawn(|| 6 * 7)?;
//! assert_eq!(worker.join()?, 42);
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cell::UnsafeCell;

use crate::abi::well_known::{ADDRESS_SPACE, PROCESS};
use crate::abi::{MessageBuffer, class, protection};
use crate::tls::Block;
use crate::{Error, Result, arch, sys};

/// Size of a spawned thread's stack; the page below it is not accessible.
pub const STACK: u64 = 64 * 1024;
const PAGE: u64 = 4096;

/// Class and level that a thread is scheduled by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schedule {
    /// Fixed priority, 0 to 255.
    Fixed(u8),
    /// Round-robin.
    RoundRobin,
    /// Fair, with a nice value of -20 to 19.
    Fair(i8),
}

/// What a new thread starts with.
struct Start {
    body: Box<dyn FnOnce()>,
}

/// A thread that can be waited for.
pub struct Thread<T> {
    token: u64,
    result: Arc<UnsafeCell<Option<T>>>,
    stack: u64,
    block: Option<Block>,
}

// SAFETY: the result is written by the thread before it ends and read after it was joined.
unsafe impl<T: Send> Send for Thread<T> {}

/// Starts a thread.
///
/// # Errors
/// `OutOfMemory`, `SpaceFull`.
pub fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Result<Thread<T>> {
    let result = Arc::new(UnsafeCell::new(None));
    let theirs = result.clone();
    let start = Box::new(Start {
        body: Box::new(move || {
            let value = body();
            // SAFETY: nobody reads before the thread was joined.
            unsafe { *theirs.get() = Some(value) };
        }),
    });
    let block = Block::create()?;
    let low = sys::map_anonymous(
        ADDRESS_SPACE,
        0,
        STACK + PAGE,
        protection::READ | protection::WRITE,
    )
    .value()?;
    sys::unmap(ADDRESS_SPACE, low, PAGE).check()?;
    let argument = Box::into_raw(start) as u64;
    let top = low + PAGE + STACK;
    let created = sys::thread_create(
        PROCESS,
        arch::thread_entry(),
        top,
        argument,
        block.pointer,
        0,
    )
    .value();
    let stack = low + PAGE;
    match created {
        Ok(token) => Ok(Thread {
            token,
            result,
            stack,
            block: Some(block),
        }),
        Err(error) => {
            // SAFETY: the thread was not created, so the argument is still this function's.
            drop(unsafe { Box::from_raw(argument as *mut Start) });
            let _ = sys::unmap(ADDRESS_SPACE, stack, STACK);
            block.destroy();
            Err(error)
        }
    }
}

/// First function of a spawned thread, called by its entry code.
pub(crate) extern "C" fn enter(argument: u64) -> ! {
    // SAFETY: `spawn` made the argument from a box and gave it to this thread alone.
    let start = unsafe { Box::from_raw(argument as *mut Start) };
    (start.body)();
    sys::thread_exit(0);
    unreachable!("thread_exit returned")
}

impl<T> Thread<T> {
    /// The thread's token.
    pub fn token(&self) -> u64 {
        self.token
    }

    /// Waits for the thread's end and gives its result.
    ///
    /// # Errors
    /// `PeerDied` if it was killed before it had one.
    pub fn join(mut self) -> Result<T> {
        sys::thread_join(self.token, 0).check()?;
        sys::delete(self.token).check()?;
        let _ = sys::unmap(ADDRESS_SPACE, self.stack, STACK);
        if let Some(block) = self.block.take() {
            block.destroy();
        }
        // SAFETY: the thread has ended, so nobody else uses the cell.
        unsafe { (*self.result.get()).take() }.ok_or(Error::PeerDied)
    }

    /// Ends the thread, wherever it runs.
    pub fn kill(&self) -> Result<()> {
        sys::thread_kill(self.token).check().map(|_| ())
    }

    /// Allows the thread only the CPUs of a mask.
    pub fn set_affinity(&self, mask: u64) -> Result<()> {
        sys::set_affinity(self.token, mask).check().map(|_| ())
    }

    /// Sets how the thread is scheduled.
    pub fn set_schedule(&self, schedule: Schedule) -> Result<()> {
        set_schedule(self.token, schedule)
    }
}

/// Sets how a thread is scheduled.
pub fn set_schedule(thread: u64, schedule: Schedule) -> Result<()> {
    let (class, level) = match schedule {
        Schedule::Fixed(level) => (class::FIXED, level as u64),
        Schedule::RoundRobin => (class::ROUND_ROBIN, 0),
        Schedule::Fair(nice) => (class::FAIR, nice as i64 as u64),
    };
    sys::set_schedule(thread, class, level).check().map(|_| ())
}

/// The calling thread's number, CPU, process number and message buffer.
pub fn current() -> Current {
    let answer = sys::whoami();
    Current {
        number: answer.value as u32,
        cpu: answer.words[0] as u32,
        process: answer.words[1] as u32,
        buffer: answer.words[2] as *mut MessageBuffer,
    }
}

/// Facts about the calling thread.
#[derive(Clone, Copy, Debug)]
pub struct Current {
    /// Its number.
    pub number: u32,
    /// The CPU it runs on.
    pub cpu: u32,
    /// Number of its process.
    pub process: u32,
    /// Its message buffer.
    pub buffer: *mut MessageBuffer,
}

/// Nanoseconds since the machine started.
pub fn now() -> u64 {
    sys::clock().value
}

/// Sleeps for some nanoseconds.
pub fn sleep(nanoseconds: u64) {
    sys::sleep_until(now().saturating_add(nanoseconds));
}

/// Lets others run.
pub fn yield_now() {
    sys::yield_now();
}
