//! What a trap is, whatever the architecture.
//!
//! Entry code of each architecture turns its vectors, syndromes and cause registers into a
//! `Fault` and calls here. From user mode the registers are already saved in the current thread.

use core::fmt;
use core::sync::atomic::Ordering;

use crate::arch::cpu;
use crate::mm;
use crate::panic::fatal_trap;

/// What an instruction tried to do with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Load.
    Read,
    /// Store, or an atomic operation.
    Write,
    /// Instruction fetch.
    Execute,
}

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

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let what = match self.kind {
            FaultKind::Page(Access::Read) => "page fault reading",
            FaultKind::Page(Access::Write) => "page fault writing",
            FaultKind::Page(Access::Execute) => "page fault executing",
            FaultKind::Alignment => "misaligned access to",
            FaultKind::IllegalInstruction => "illegal instruction",
            FaultKind::Breakpoint => "breakpoint",
            FaultKind::Debug => "debug trap",
            FaultKind::Arithmetic => "arithmetic fault",
            FaultKind::FloatingPoint => "floating-point exception",
            FaultKind::Other => "fault",
        };
        f.write_str(what)?;
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
    if let FaultKind::Page(access) = fault.kind
        && mm::fault::user_fault(fault.address, access).is_ok()
    {
        return;
    }
    panic!("{fault} in user mode");
}

/// The current thread used the FPU while it was disabled. Returns with it enabled.
pub fn fpu_unavailable() {
    panic!("floating point while it is disabled");
}

/// A fault of kernel code. Entry code has already tried `user_access_fault` for faults inside the
/// user-copy routines, so nothing is left but to report.
pub fn kernel_fault(
    fault: Fault,
    registers: &dyn fmt::Display,
    frame_pointer: u64,
) -> ! {
    fatal_trap(&fault, registers, fault.pc, frame_pointer)
}

/// The kernel touched a user address for the current thread and faulted. True when the page is
/// there now and the access can be repeated; false makes it an error for the caller.
pub fn user_access_fault(address: u64, access: Access) -> bool {
    mm::fault::user_fault(address, access).is_ok()
}

/// An interrupt. From user mode the registers are saved in the current thread's frame, and this
/// returns only if that thread goes on; from the kernel it was allowed to interrupt (the idle
/// loop), it always returns.
pub fn interrupt(what: Interrupt, _from_user: bool) {
    if what == Interrupt::Ipi {
        cpu::current().ipi_pending.fetch_and(!mm::tlb::IPI_TLB, Ordering::SeqCst);
        mm::tlb::service();
    }
}
