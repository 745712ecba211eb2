//! What a trap is, whatever the architecture.
//!
//! Entry code of each architecture turns its vectors, syndromes and cause registers into a
//! `Fault` and calls here. From user mode the registers are already saved in the current thread.

use core::fmt;

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
