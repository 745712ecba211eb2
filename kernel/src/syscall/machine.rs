//! System calls on the machine and the console.

use super::{Answer, Arguments, return_words, userspace};
use crate::arch::power;
use crate::cap::Checked;
use crate::process::pcb::TREE;
use crate::process::thread::Thread;
use crate::{console, mm, percpu};

/// Bytes that one `console_write` takes at most; the result says how many it took.
const WRITE_MAX: usize = 1024;

pub fn console_write(_: &mut Thread, _: Checked, [_, buffer, length, ..]: Arguments) -> Answer {
    let mut bytes = [0; 256];
    let length = length.min(WRITE_MAX as u64) as usize;
    let mut done = 0;
    while done < length {
        let piece = (length - done).min(bytes.len());
        userspace::read_bytes(buffer.wrapping_add(done as u64), &mut bytes[..piece])?;
        console::write_bytes(&bytes[..piece]);
        done += piece;
    }
    Ok(done as u64)
}

pub fn cpu_info(thread: &mut Thread, _: Checked, _: Arguments) -> Answer {
    let known = crate::machine::machine().cpus.as_slice().len() as u64;
    return_words(thread, known, [percpu::online_mask(), 0, 0, 0])
}

pub fn kernel_info(_: &mut Thread, _: Checked, [_, buffer, length, ..]: Arguments) -> Answer {
    // No buffer: the `buffer`-th allocation from now on is to fail (`mm::inject`).
    #[cfg(feature = "checks")]
    if length == u64::MAX {
        return Ok(mm::inject::fail_nth(buffer));
    }
    mm::heap::trim();
    mm::frames::drain();
    let words = [
        mm::frames::free_frames() as u64,
        mm::frames::total_frames() as u64,
        mm::heap::in_use() as u64,
        TREE.lock().count as u64,
        percpu::online_mask(),
    ];
    userspace::write_words(buffer, length, &words, &[0u32; 0])
}

pub fn shutdown(_: &mut Thread, _: Checked, [_, status, ..]: Arguments) -> Answer {
    power::exit(status as u8)
}
