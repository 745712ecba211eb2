//! A stopped thread's registers.
//!
//! A thread that made a system call left the caller-saved registers to the kernel, so its frame
//! holds only the preserved ones and the results that it will see. One that was interrupted or
//! faulted has everything saved (`FULL`), and so has kernel code, on its stack. Which register is
//! where is a table of each architecture (`NAMES`), whose entry code reaches them by number.

use core::fmt;

pub use super::chosen::context::*;
use super::cpu;
use super::layout::USER_END;
use crate::Thread;

/// Words of a frame: the registers by name, then those that only entry code knows.
const WORDS: usize = NAMES.len() + UNNAMED;

/// User registers of a stopped thread; the first field of `Thread`.
#[repr(C, align(16))]
#[derive(Clone)]
pub struct Frame {
    pub(super) registers: [u64; WORDS],
}

impl Frame {
    /// The start of a thread: everything zero but pc, stack and the first argument.
    pub fn user(entry: u64, sp: u64, argument: u64) -> Self {
        let mut registers = [0; WORDS];
        for (register, value) in START {
            registers[register] = value;
        }
        (registers[SP], registers[ARGUMENT]) = (sp, argument);
        let mut frame = Frame { registers };
        frame.set_pc(entry);
        frame
    }

    /// Program counter.
    pub fn pc(&self) -> u64 {
        self.registers[PC]
    }

    /// Sets the program counter of a thread; one outside user space becomes one that faults, since
    /// not every way into user mode can take it.
    pub fn set_pc(&mut self, pc: u64) {
        self.registers[PC] = pc.min(USER_END);
    }

    /// Stack pointer.
    pub fn sp(&self) -> u64 {
        self.registers[SP]
    }

    /// Frame pointer.
    pub fn frame_pointer(&self) -> u64 {
        self.registers[FRAME_POINTER]
    }

    /// Thread pointer.
    pub fn tls(&self) -> u64 {
        self.registers[TLS]
    }

    /// Sets the thread pointer, which takes effect when the thread is resumed. One outside user
    /// space becomes its end, since not every CPU takes any address.
    pub fn set_tls(&mut self, tls: u64) {
        self.registers[TLS] = tls.min(USER_END);
    }

    /// Whether the thread stopped in a system call.
    #[cfg(feature = "ktest")]
    pub fn in_system_call(&self) -> bool {
        self.registers[KIND] & FULL == 0
    }

    /// What the system call returns: status, value, words 0 to 3; missing ones are zero.
    #[inline]
    pub fn set_results(&mut self, results: &[u64]) {
        for (index, register) in RESULTS.into_iter().enumerate() {
            self.registers[register] = results.get(index).copied().unwrap_or(0);
        }
    }

    /// Every register by name. In a system call the caller-saved ones are not meaningful.
    pub fn registers(&self) -> [(&'static str, u64); NAMES.len()] {
        core::array::from_fn(|i| (NAMES[i], self.registers[i]))
    }
}

/// Rows of four registers.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.registers().chunks(4).try_for_each(|row| {
            row.iter()
                .try_for_each(|(name, value)| write!(f, "  {name:>6} {value:016x}"))?;
            f.write_str("\n")
        })
    }
}

/// Enters user mode as `thread`. Its address space is already active.
///
/// # Safety
/// `thread` begins with a valid `Frame`, is not running anywhere else and stays where it is while
/// it runs. Nothing on the current kernel stack is needed any more.
pub unsafe fn resume(thread: *mut Thread) -> ! {
    cpu::current().current.set(thread);
    // SAFETY: the caller's promise.
    unsafe { enter(thread.cast()) }
}
