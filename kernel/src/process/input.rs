//! Console input: a ring that the device's interrupt fills and readers empty.

use core::cell::UnsafeCell;

use super::thread::Thread;
use super::wait::{self, Reason, WaitList};
use crate::arch::{console, ipi};
use crate::cap::Binding;
use crate::lock::{Rank, SpinLock};
use crate::syscall::{Outcome, userspace};
use veridian_abi::Error;

const CAPACITY: usize = 1024;

struct Input {
    bytes: [u8; CAPACITY],
    first: usize,
    count: usize,
    readers: WaitList,
}

struct Locked {
    lock: SpinLock<()>,
    input: UnsafeCell<Input>,
}

// SAFETY: the input is reached under the lock alone.
unsafe impl Sync for Locked {}

static INPUT: Locked = Locked {
    lock: SpinLock::new(Rank::Channel, ()),
    input: UnsafeCell::new(Input {
        bytes: [0; CAPACITY],
        first: 0,
        count: 0,
        readers: WaitList::new(),
    }),
};

/// A device line was raised; only the console's is used.
pub fn device(line: u32) {
    interrupt();
    ipi::unmask(line);
}

/// The console's device has something: takes it in and wakes a reader, who then reads again.
pub fn interrupt() {
    let guard = INPUT.lock.lock();
    // SAFETY: the lock is held.
    let input = unsafe { &mut *INPUT.input.get() };
    while let Some(byte) = console::get() {
        if input.count < CAPACITY {
            input.bytes[(input.first + input.count) % CAPACITY] = byte;
            input.count += 1;
        }
    }
    let reader = if input.count > 0 {
        // SAFETY: the lock is held.
        unsafe { input.readers.pop() }
    } else {
        core::ptr::null_mut()
    };
    drop(guard);
    if !reader.is_null() {
        // SAFETY: just popped, so its wake-up is this function's.
        unsafe { wait::finish(reader, Error::Busy as i64 as u64, 0) };
    }
}

/// The system call `console_read`: at least one byte, or a wait, after which the caller is told to try
/// again (`Busy`), since another reader may be faster.
pub fn read(thread: &mut Thread, via: Binding, buffer: u64, length: u64, info: u64) -> Outcome {
    let mut bytes = [0; 64];
    let guard = INPUT.lock.lock();
    // SAFETY: the lock is held.
    let input = unsafe { &mut *INPUT.input.get() };
    let count = input.count.min(length as usize).min(bytes.len());
    for byte in &mut bytes[..count] {
        *byte = input.bytes[input.first];
        input.first = (input.first + 1) % CAPACITY;
    }
    input.count -= count;
    if count == 0 && length != 0 {
        return wait::block(thread, Reason::Console, 0, via, info, |thread| {
            // SAFETY: the lock is held; the thread is running, so in no list.
            unsafe { input.readers.append(thread, &raw const INPUT.lock) };
            drop(guard);
        });
    }
    drop(guard);
    userspace::write_bytes(buffer, &bytes[..count])
        .map(|()| count as u64)
        .into()
}
