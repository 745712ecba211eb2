//! What a trap is, whatever the architecture.
//!
//! Entry code of each architecture turns its vectors, syndromes and cause registers into a
//! `Fault` and calls here. From user mode the registers are already saved in the current thread.

use core::fmt;

use crate::arch::{context::Frame, layout::USER_END, uaccess};
pub use crate::mm::fault::Access;
use crate::panic::fatal_trap;
use crate::sched::scheduler;
use crate::{mm, process, sched};

/// Why the CPU trapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A memory access that the page tables do not allow (`Fault::address` says where).
    Page(Access),
    /// An access of wrong alignment.
    Alignment,
    /// An instruction that is undefined or needs a privilege.
    IllegalInstruction,
    /// A breakpoint instruction.
    Breakpoint,
    /// A single step or watchpoint.
    Debug,
    /// Integer division by zero or overflow.
    Arithmetic,
    /// A floating-point exception that was not masked.
    FloatingPoint,
    /// Anything else; `Fault::code` has the architecture's number.
    Other,
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Why.
    pub kind: FaultKind,
    /// The address that was accessed, for `Page` and `Alignment`; else 0.
    pub address: u64,
    /// The instruction.
    pub pc: u64,
    /// The architecture's own number: error code and vector, ESR, scause.
    pub code: u64,
}

impl Fault {
    /// A fault; `address` is of interest only for the kinds that have one.
    pub fn new(kind: FaultKind, address: u64, pc: u64, code: u64) -> Fault {
        let has_address = matches!(kind, FaultKind::Page(_) | FaultKind::Alignment);
        let address = if has_address { address } else { 0 };
        Fault {
            kind,
            address,
            pc,
            code,
        }
    }
}

impl FaultKind {
    /// Its number in messages to fault handlers, and what reports call it.
    pub fn facts(self) -> (u64, &'static str) {
        match self {
            FaultKind::Page(Access::Read) => (0, "page fault reading"),
            FaultKind::Page(Access::Write) => (1, "page fault writing"),
            FaultKind::Page(Access::Execute) => (2, "page fault executing"),
            FaultKind::Alignment => (3, "misaligned access to"),
            FaultKind::IllegalInstruction => (4, "illegal instruction"),
            FaultKind::Breakpoint => (5, "breakpoint"),
            FaultKind::Debug => (6, "debug trap"),
            FaultKind::Arithmetic => (7, "arithmetic fault"),
            FaultKind::FloatingPoint => (8, "floating-point exception"),
            FaultKind::Other => (9, "fault"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.kind.facts().1)?;
        if matches!(self.kind, FaultKind::Page(_) | FaultKind::Alignment) {
            write!(f, " {:#x}", self.address)?;
        }
        write!(f, " at pc {:#x} (code {:#x})", self.pc, self.code)
    }
}

/// Where an interrupt came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// This CPU's one-shot timer reached its deadline.
    Timer,
    /// Another CPU wants something; see `PerCpu::ipi_pending`.
    Ipi,
    /// A device line. It is masked and acknowledged; its driver unmasks it.
    Device(u32),
}

/// A fault of the current thread, whose registers are saved in its frame. Returns when the thread
/// may go on (the page is there now).
pub fn user_fault(fault: Fault) {
    if let FaultKind::Page(access) = fault.kind {
        crate::trace::event!(page_fault, fault.address, access);
        if mm::fault::user_fault(fault.address, access).is_ok() {
            return;
        }
    }
    // SAFETY: a fault from user mode has a current thread, which lives while it runs.
    process::fault::raise(unsafe { scheduler::current() }, &fault)
}

/// The current thread used the FPU while it was disabled. Returns with it enabled.
pub fn fpu_unavailable() {
    if sched::fpu::first_use().is_err() {
        // SAFETY: as in `user_fault`.
        let thread = unsafe { scheduler::current() };
        let fault = Fault::new(FaultKind::FloatingPoint, 0, thread.frame.pc(), 0);
        process::fault::raise(thread, &fault)
    }
}

/// A fault of kernel code; returns where to go on. The routines that touch user memory for the
/// current thread are repeated if the page is there now, and fail if not; other faults are fatal.
pub fn kernel_fault(fault: Fault, registers: &Frame) -> u64 {
    match (uaccess::fixup(fault.pc), fault.kind) {
        (Some(failed), kind) if fault.address < USER_END => match kind {
            FaultKind::Page(access) if mm::fault::user_fault(fault.address, access).is_ok() => {
                fault.pc
            }
            _ => failed,
        },
        _ => fatal_trap(format_args!("{fault}"), registers),
    }
}

/// An interrupt. From user mode the registers are saved in the current thread's frame, and this
/// returns only if that thread goes on; from the kernel it was allowed to interrupt (the idle
/// loop), it always returns.
pub fn interrupt(what: Interrupt, from_user: bool) {
    let number = match what {
        Interrupt::Timer => 0,
        Interrupt::Ipi => 1,
        Interrupt::Device(line) => 2 + u64::from(line),
    };
    crate::trace::event!(interrupt_enter, number);
    match what {
        Interrupt::Timer => scheduler::tick(),
        Interrupt::Ipi => sched::smp::interrupt(),
        Interrupt::Device(line) => process::input::device(line),
    }
    crate::trace::event!(interrupt_leave, number);
    if from_user && scheduler::attention_needed() {
        scheduler::leave_kernel();
    }
}
