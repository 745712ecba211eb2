//! The end of a kernel that cannot go on.
//!
//! A panic, and a fault in kernel mode, end the machine with status 101: one
//! line that begins with `panic:`, the registers if a trap led here, and a
//! backtrace along the frame pointers. The precompiled core library keeps none: who called it is
//! not in the backtrace, and is named by file and line in the first line. Output goes around the console lock,
//! which the CPU may hold. The first CPU that panics reports; others that
//! follow wait for the machine to end, and a fault while reporting ends it at
//! once instead of recursing.

use crate::arch::{context::Frame, cpu, power};
use crate::console::force;
use crate::symbols;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Exit status of a machine that panicked.
const STATUS: u8 = 101;
/// More frames than this say nothing new.
const FRAMES: usize = 40;
/// Frames of one stack lie closer together than this.
const STACK_SPAN: u64 = 64 * 1024;

/// The CPU that reports: its number and one, or 0.
static REPORTER: AtomicUsize = AtomicUsize::new(0);

/// Ends the machine because of a trap in kernel mode: `what` happened to the interrupted code.
pub fn fatal_trap(what: fmt::Arguments, registers: &Frame) -> ! {
    begin(what);
    force(format_args!("{registers}\nbacktrace:\n"));
    frame(0, registers.pc());
    backtrace(1, registers.frame_pointer());
    power::exit(STATUS)
}

/// Becomes the one CPU that reports, and prints the headline.
fn begin(what: fmt::Arguments) {
    let this = cpu::current();
    let id = this.number() + 1;
    match REPORTER.compare_exchange(0, id, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => {}
        Err(reporter) if reporter == id => {
            force(format_args!("\npanic: again while reporting: {what}\n"));
            power::exit(STATUS)
        }
        Err(_) => loop {
            cpu::relax();
        },
    }
    #[cfg(feature = "ktest")]
    if let Some(test) = crate::test_framework::running() {
        force(format_args!("\nFAILED {test}: panic: {what}"));
    }
    force(format_args!("\npanic: {what} [cpu {}]\n", this.number()));
}

fn backtrace(first: usize, mut frame_pointer: u64) {
    for number in first..FRAMES {
        // Only addresses of the upper half, aligned, are ever read.
        if frame_pointer >> 63 == 0 || !frame_pointer.is_multiple_of(8) {
            return;
        }
        let record = frame_pointer.wrapping_add_signed(cpu::FRAME_RECORD) as *const [u64; 2];
        // SAFETY: the frame pointer is that of running kernel code or was loaded from its
        // stack; if it is damaged after all, the fault ends in `begin`, which stops.
        let [caller, return_address] = unsafe { record.read() };
        if return_address == 0 {
            return;
        }
        // The call, which a return address may be the first byte behind, in the next function.
        frame(number, return_address - 1);
        // Stacks grow down: a caller's frame is above, and not far.
        if caller <= frame_pointer || caller - frame_pointer > STACK_SPAN {
            return;
        }
        frame_pointer = caller;
    }
}

fn frame(number: usize, address: u64) {
    force(format_args!("{number:4}: {address:#018x}"));
    match symbols::lookup(address) {
        Some((name, offset)) => force(format_args!(" {name}+{offset:#x}\n")),
        None => force(format_args!("\n")),
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    cpu::interrupts_disable();
    match info.location() {
        Some(place) => begin(format_args!("{} at {place}", info.message())),
        None => begin(format_args!("{}", info.message())),
    }
    force(format_args!("backtrace:\n"));
    backtrace(0, cpu::frame_pointer());
    power::exit(STATUS)
}
