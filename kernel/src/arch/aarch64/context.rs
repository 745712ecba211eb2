//! The registers of a stopped thread, and the ways back into it.
//!
//! Two kinds of frame. After a system call only the preserved registers, the
//! results, stack pointer, program counter, flags and thread pointer count;
//! resuming zeroes the rest, so nothing of the kernel or of another process
//! leaks. After an interrupt or a fault everything counts. Bit 63 of `pstate`
//! (no bit of the hardware's) tells them apart, so that the system-call entry
//! need not store it.

use core::arch::{asm, global_asm};
use core::fmt;
use core::mem::offset_of;

use super::{cpu, write_register};
use crate::Thread;

/// `pstate`: every register is valid.
pub const FULL: u64 = 1 << 63;
/// `CPACR_EL1`: FP and SIMD trap from user mode.
pub const FPU_TRAPPED: u64 = 1 << 20;
const FPU_OPEN: u64 = 3 << 20;

/// User registers of a stopped thread, and what a trap in the kernel saves on the stack.
#[repr(C, align(16))]
#[derive(Clone, Default)]
pub struct Frame {
    /// General registers.
    pub x: [u64; 31],
    pub(super) sp: u64,
    pub(super) pc: u64,
    pub(super) pstate: u64,
    pub(super) tls: u64,
    /// Always zero: what user mode finds in registers that are not results comes from here.
    pub(super) zeros: [u64; 2],
}

impl Frame {
    /// Where a new thread begins.
    pub const fn user(entry: u64, stack: u64, argument: u64) -> Frame {
        let mut x = [0; 31];
        x[0] = argument;
        Frame {
            x,
            sp: stack,
            pc: entry,
            pstate: FULL,
            tls: 0,
            zeros: [0; 2],
        }
    }

    /// The next instruction.
    pub const fn pc(&self) -> u64 {
        self.pc
    }

    /// Goes on at another instruction.
    pub const fn set_pc(&mut self, pc: u64) {
        self.pc = pc;
    }

    /// The stack pointer.
    pub const fn sp(&self) -> u64 {
        self.sp
    }

    /// Goes on with another stack.
    pub const fn set_sp(&mut self, sp: u64) {
        self.sp = sp;
    }

    /// The frame pointer.
    pub const fn frame_pointer(&self) -> u64 {
        self.x[29]
    }

    /// Thread-local storage base.
    pub const fn tls(&self) -> u64 {
        self.tls
    }

    /// Sets the thread-local storage base; `resume` brings it into effect.
    pub const fn set_tls(&mut self, base: u64) {
        self.tls = base;
    }

    /// Sets the two arguments with which a thread starts.
    pub const fn set_start(&mut self, first: u64, second: u64) {
        (self.x[0], self.x[1]) = (first, second);
    }

    /// Whether the thread stopped in a system call.
    pub const fn in_system_call(&self) -> bool {
        self.pstate & FULL == 0
    }

    /// What the system call returns: status, value, words 0 to 3; missing ones are zero.
    #[inline]
    pub fn set_results(&mut self, results: &[u64]) {
        self.x[..6].fill(0);
        self.x[..results.len()].copy_from_slice(results);
    }

    /// Every register by name. In a system call the caller-saved ones are not meaningful.
    pub fn registers(&self) -> [(&'static str, u64); 35] {
        let mut registers = [("", 0); 35];
        for (register, (name, value)) in registers.iter_mut().zip(NAMES.iter().zip(self.x)) {
            *register = (name, value);
        }
        let flags = self.pstate & !FULL;
        registers[31..].copy_from_slice(&[
            ("sp", self.sp),
            ("pc", self.pc),
            ("pstate", flags),
            ("tls", self.tls),
        ]);
        registers
    }
}

const NAMES: [&str; 31] = [
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
    "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27",
    "x28", "x29", "x30",
];

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.registers().chunks(4).try_for_each(|row| {
            row.iter()
                .try_for_each(|(name, value)| write!(f, "  {name:>6} {value:016x}"))?;
            f.write_str("\n")
        })
    }
}

unsafe extern "C" {
    fn resume_frame(frame: *mut Frame) -> !;
}

/// Enters user mode as `thread`. Its address space is already active.
///
/// # Safety
/// `thread` begins with a valid `Frame`, is not running anywhere else and stays where it is while
/// it runs. Nothing on the current kernel stack is needed any more.
pub unsafe fn resume(thread: *mut Thread) -> ! {
    cpu::current().current.set(thread);
    // SAFETY: the caller's promise.
    unsafe { resume_frame(thread.cast()) }
}

/// Enters user mode as `thread`, which is stopped in a system call, with these results, none of
/// which goes through memory.
///
/// # Safety
/// As for `resume`, the thread is current, and its frame is that of a system call.
#[inline(always)]
pub unsafe fn resume_message(thread: *mut Thread, status: u64, value: u64, words: [u64; 4]) -> ! {
    // SAFETY: the caller's promise; every register that the code does not load is a result or
    // cleared before user mode is entered.
    unsafe {
        asm!(
            "mov sp, x6",
            "ldp x7, x8, [sp, #{sp}]",
            "ldp x9, x10, [sp, #{pstate}]",
            "msr sp_el0, x7",
            "msr elr_el1, x8",
            "msr spsr_el1, x9",
            "msr tpidr_el0, x10",
            "ldp x19, x20, [sp, #152]",
            "ldp x21, x22, [sp, #168]",
            "ldp x23, x24, [sp, #184]",
            "ldp x25, x26, [sp, #200]",
            "ldp x27, x28, [sp, #216]",
            "ldp x29, x30, [sp, #232]",
            "ldp x6, x7, [sp, #{zeros}]",
            "ldp x8, x9, [sp, #{zeros}]",
            "ldp x10, x11, [sp, #{zeros}]",
            "ldp x12, x13, [sp, #{zeros}]",
            "ldp x14, x15, [sp, #{zeros}]",
            "ldp x16, x17, [sp, #{zeros}]",
            "mov x18, xzr",
            "eret",
            sp = const offset_of!(Frame, sp),
            pstate = const offset_of!(Frame, pstate),
            zeros = const offset_of!(Frame, zeros),
            in("x0") status,
            in("x1") value,
            in("x2") words[0],
            in("x3") words[1],
            in("x4") words[2],
            in("x5") words[3],
            in("x6") thread,
            options(noreturn),
        )
    }
}

/// Continues with `entry` at the top of this CPU's kernel stack, which becomes `top`. Whatever is
/// on the current stack is given up.
///
/// # Safety
/// `top` is the end of a mapped stack that nobody else uses, and no reference into the old stack
/// is alive.
pub unsafe fn run_on_stack(top: u64, entry: extern "C" fn() -> !) -> ! {
    cpu::current().kernel_stack_top.set(top);
    // SAFETY: the caller's promise; the zero return address ends backtraces.
    unsafe {
        asm!(
            "mov sp, {top}",
            "mov x29, xzr",
            "mov x30, xzr",
            "br {entry}",
            top = in(reg) top,
            entry = in(reg) entry,
            options(noreturn),
        )
    }
}

const _: () = {
    assert!(offset_of!(Frame, x) == 0 && offset_of!(Frame, sp) == 248);
    assert!(offset_of!(Frame, pc) == 256 && offset_of!(Frame, tls) == 272);
    assert!(size_of::<Frame>() == 304);
};

/// FP and SIMD registers of a thread.
#[repr(C, align(16))]
#[derive(Clone)]
pub struct FpuState {
    control: u64,
    status: u64,
    vectors: [u128; 32],
}

impl FpuState {
    /// As a thread finds it at its start: everything zero.
    pub const fn new() -> Self {
        FpuState {
            vectors: [0; 32],
            control: 0,
            status: 0,
        }
    }
}

impl Default for FpuState {
    fn default() -> Self {
        Self::new()
    }
}

unsafe extern "C" {
    fn fpu_store(state: *mut FpuState);
    fn fpu_load(state: *const FpuState);
}

global_asm!(
    r#"
.arch_extension fp
.arch_extension simd
.macro vectors op
    \op   q0, q1, [x0, #16]
    \op   q2, q3, [x0, #48]
    \op   q4, q5, [x0, #80]
    \op   q6, q7, [x0, #112]
    \op   q8, q9, [x0, #144]
    \op   q10, q11, [x0, #176]
    \op   q12, q13, [x0, #208]
    \op   q14, q15, [x0, #240]
    \op   q16, q17, [x0, #272]
    \op   q18, q19, [x0, #304]
    \op   q20, q21, [x0, #336]
    \op   q22, q23, [x0, #368]
    \op   q24, q25, [x0, #400]
    \op   q26, q27, [x0, #432]
    \op   q28, q29, [x0, #464]
    \op   q30, q31, [x0, #496]
.endm

.section .text.fpu, "ax"
.global fpu_store, fpu_load
fpu_store:
    vectors stp
    mrs   x1, fpcr
    mrs   x2, fpsr
    stp   x1, x2, [x0]
    ret
fpu_load:
    vectors ldp
    ldp   x1, x2, [x0]
    msr   fpcr, x1
    msr   fpsr, x2
    ret
"#
);

/// Saves what is in the FPU.
///
/// # Safety
/// What is in the FPU belongs to the owner of `state`.
pub unsafe fn fpu_save(state: &mut FpuState) {
    // SAFETY: the kernel's own code uses no FP registers, and may always read them: only user
    // mode is ever trapped.
    unsafe { fpu_store(state) }
}

/// Puts a state into the FPU.
///
/// # Safety
/// Nobody needs what is in the FPU.
pub unsafe fn fpu_restore(state: &FpuState) {
    // SAFETY: as for saving; the state is whatever a user could have loaded itself.
    unsafe { fpu_load(state) }
}

/// Lets user mode use the FPU.
#[inline]
pub fn fpu_enable() {
    // SAFETY: the next return to user mode synchronises; what is in the FPU is the thread's.
    unsafe { write_register!("cpacr_el1", FPU_OPEN) };
}

/// Makes user mode trap at its next use of the FPU.
#[inline]
pub fn fpu_disable() {
    // SAFETY: only adds a trap.
    unsafe { write_register!("cpacr_el1", FPU_TRAPPED) };
}
