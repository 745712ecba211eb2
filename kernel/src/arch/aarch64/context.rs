//! Where a frame has its registers, and the ways back into user mode.
//!
//! After a system call only the preserved registers, the results, stack pointer, program counter,
//! flags and thread pointer count; resuming zeroes the rest, so nothing of the kernel or of
//! another process leaks. Bit 63 of `pstate` (no bit of the hardware's) says that everything
//! counts, so that the system-call entry need not store it.

use core::arch::{asm, global_asm};

use super::{cpu, write_register};
use crate::Thread;
use crate::arch::context::Frame;

/// What a frame holds: general registers have their own numbers.
pub const NAMES: [&str; 35] = [
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
    "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27",
    "x28", "x29", "x30", "sp", "pc", "pstate", "tls",
];
/// Two zeros: what user mode finds in registers that are not results comes from here.
pub const UNNAMED: usize = 2;
/// Place of the first argument of a thread.
pub const ARGUMENT: usize = 0;
/// Places of status, value and words 0 to 3.
pub const RESULTS: [usize; 6] = [0, 1, 2, 3, 4, 5];
/// Place of the frame pointer.
pub const FRAME_POINTER: usize = 29;
/// Place of the stack pointer.
pub const SP: usize = 31;
/// Place of the program counter.
pub const PC: usize = 32;
/// The flags.
pub const KIND: usize = 33;
/// Place of the thread pointer.
pub const TLS: usize = 34;
/// What the word at `KIND` has where every register is valid.
pub const FULL: u64 = 1 << 63;
/// How a thread starts: interrupts on.
pub const START: [(usize, u64); 1] = [(KIND, FULL)];

/// `CPACR_EL1`: FP and SIMD trap from user mode.
pub const FPU_TRAPPED: u64 = 1 << 20;
const FPU_OPEN: u64 = 3 << 20;

unsafe extern "C" {
    /// Continues with `frame`.
    ///
    /// # Safety
    /// As for `resume`.
    #[link_name = "resume_frame"]
    pub unsafe fn enter(frame: *mut Frame) -> !;

    /// Saves what is in the FPU. The kernel may always read it: only user mode is ever trapped.
    ///
    /// # Safety
    /// What is in the FPU belongs to the owner of `state`.
    pub unsafe fn fpu_save(state: &mut FpuState);

    /// Puts a state into the FPU.
    ///
    /// # Safety
    /// Nobody needs what is in the FPU.
    pub unsafe fn fpu_restore(state: &FpuState);
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
            "ldp x7, x8, [sp, #8 * 31]",
            "ldp x9, x10, [sp, #8 * 33]",
            "msr sp_el0, x7",
            "msr elr_el1, x8",
            "msr spsr_el1, x9",
            "msr tpidr_el0, x10",
            ".irp pair, \"x19, x20, [sp, #152]\", \"x21, x22, [sp, #168]\", \"x23, x24, [sp, #184]\"",
            "ldp \\pair",
            ".endr",
            ".irp pair, \"x25, x26, [sp, #200]\", \"x27, x28, [sp, #216]\", \"x29, x30, [sp, #232]\"",
            "ldp \\pair",
            ".endr",
            ".irp pair, \"x6, x7\", \"x8, x9\", \"x10, x11\", \"x12, x13\", \"x14, x15\", \"x16, x17\"",
            "ldp \\pair, [sp, #8 * 35]",
            ".endr",
            "mov x18, xzr",
            "eret",
            in("x0") status, in("x1") value, in("x2") words[0], in("x3") words[1],
            in("x4") words[2], in("x5") words[3], in("x6") thread,
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

/// FP and SIMD registers of a thread; it starts with zeros.
#[repr(C, align(16))]
#[derive(Clone, Default)]
pub struct FpuState {
    vectors: [u128; 32],
    control: u64,
    status: u64,
}

global_asm!(
    r#"
.arch_extension fp
.arch_extension simd
.macro vectors op
    .irp  n, "q0, q1", "q2, q3", "q4, q5", "q6, q7", "q8, q9", "q10, q11", "q12, q13", "q14, q15"
    \op   \n, [x0], #32
    .endr
    .irp  n, "q16, q17", "q18, q19", "q20, q21", "q22, q23", "q24, q25", "q26, q27", "q28, q29", "q30, q31"
    \op   \n, [x0], #32
    .endr
.endm

.section .text.fpu, "ax"
.global fpu_save, fpu_restore
fpu_save:
    vectors stp
    mrs   x1, fpcr
    mrs   x2, fpsr
    stp   x1, x2, [x0]
    ret
fpu_restore:
    vectors ldp
    ldp   x1, x2, [x0]
    msr   fpcr, x1
    msr   fpsr, x2
    ret
"#
);

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
