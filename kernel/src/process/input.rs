//! Console input: a ring that the device's interrupt fills and readers empty.

use super::thread::Thread;
use super::wait::{self, Reason, WaitList};
use crate::arch::{console, ipi};
use crate::cap::Checked;
use crate::lock::{Rank, SpinLock};
use crate::syscall::{Answer, Arguments, userspace};
use veridian_abi::Error;

const CAPACITY: usize = 1024;

struct Input {
    bytes: [u8; CAPACITY],
    first: usize,
    count: usize,
    readers: WaitList,
}

static INPUT: SpinLock<Input> = SpinLock::new(
    Rank::Channel,
    Input {
        bytes: [0; CAPACITY],
        first: 0,
        count: 0,
        readers: WaitList::new(),
    },
);

/// A device line was raised, and is masked; only the console's is used. It is open again before the
/// device is emptied: what came in between would be seen by nobody where only its edge is told.
pub fn device(line: u32) {
    ipi::unmask(line);
    interrupt();
}

/// The console's device has something: takes it in and wakes a reader, who then reads again.
pub fn interrupt() {
    let mut input = INPUT.lock();
    while let Some(byte) = console::get() {
        if input.count < CAPACITY {
            let end = (input.first + input.count) % CAPACITY;
            input.bytes[end] = byte;
            input.count += 1;
        }
    }
    let some = input.count > 0;
    drop(input);
    if some {
        wait::wake(&INPUT, |i| &mut i.readers, Err(Error::Busy));
    }
}

/// The system call of this name: at least one byte, or a wait, after which the caller is told to try
/// again (`Busy`), since another reader may be faster.
pub fn console_read(thread: &mut Thread, found: Checked, arguments: Arguments) -> Answer {
    let [_, buffer, length, info, ..] = arguments;
    let mut bytes = [0; 64];
    let mut input = INPUT.lock();
    let count = input.count.min(length as usize).min(bytes.len());
    for byte in &mut bytes[..count] {
        *byte = input.bytes[input.first];
        input.first = (input.first + 1) % CAPACITY;
    }
    input.count -= count;
    if count == 0 && length != 0 {
        let (what, via) = ((Reason::Console, 0), found.binding());
        return wait::block(thread, what, via, info, input, |i| &mut i.readers);
    }
    drop(input);
    userspace::write_bytes(buffer, &bytes[..count])?;
    Ok(count as u64)
}
