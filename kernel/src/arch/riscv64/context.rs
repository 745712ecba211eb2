//! Where a frame has its registers, and the ways back into user mode.
//!
//! Either return (`traps`) expects `tp` to be this hart's record and leaves it in `sscratch`.
//!
//! The FPU is off (`sstatus.FS`) until a program touches it.

use super::{cpu, sstatus};
use crate::Thread;
use crate::arch::context::Frame;
use core::arch::{asm, global_asm};

/// What a frame holds: the program counter in the place of x0, x1 to x31, and the status register,
/// which only kernel code has.
pub const NAMES: [&str; 33] = [
    "pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
    "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5",
    "t6", "status",
];
/// The kind of the frame.
pub const UNNAMED: usize = 1;
/// Place of the program counter.
pub const PC: usize = 0;
/// Place of the stack pointer.
pub const SP: usize = 2;
/// Place of the thread pointer.
pub const TLS: usize = 4;
/// Place of the frame pointer.
pub const FRAME_POINTER: usize = 8;
/// Place of the first argument of a thread.
pub const ARGUMENT: usize = 10;
/// Places of status, value and words 0 to 3.
pub const RESULTS: [usize; 6] = [10, 11, 12, 13, 14, 15];
/// Place of the status register.
pub const STATUS: usize = 32;
/// Place of the word that says which registers are valid.
pub const KIND: usize = 33;
/// What the word at `KIND` has where every register is valid.
pub const FULL: u64 = 1;
/// How a thread starts.
pub const START: [(usize, u64); 1] = [(KIND, FULL)];

/// Continues with `frame`.
///
/// # Safety
/// As for `resume`.
pub unsafe fn enter(frame: *mut Frame) -> ! {
    // SAFETY: t0 is the frame, tp this hart's record; the rest is the caller's promise.
    unsafe { asm!("j resume_frame", in("t0") frame, options(noreturn)) }
}

/// Enters user mode as `thread`, which is stopped in a system call, with these results, none of
/// which goes through memory.
///
/// # Safety
/// As for `resume`, the thread is current, and its frame is that of a system call.
#[inline(always)]
pub unsafe fn resume_message(thread: *mut Thread, status: u64, value: u64, words: [u64; 4]) -> ! {
    // SAFETY: as in `resume`; the registers that the code does not load are the results.
    unsafe {
        asm!("j resume_words", in("t0") thread, in("a0") status, in("a1") value,
            in("a2") words[0], in("a3") words[1], in("a4") words[2], in("a5") words[3],
            options(noreturn))
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
    // SAFETY: the caller's promise; the zero frame pointer and return address end backtraces.
    unsafe {
        asm!("mv sp, {top}", "mv s0, zero", "mv ra, zero", "jr {entry}",
            top = in(reg) top, entry = in(reg) entry, options(noreturn))
    }
}

/// Floating-point registers of a thread that is not running; it starts with zeros.
#[repr(C)]
#[derive(Clone, Default)]
pub struct FpuState {
    pub(super) registers: [u64; 32],
    pub(super) control: u64,
}

global_asm!(
    r#"
.option push
.option arch, +d
.macro floats op
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \op f\n, 8 * \n(a0)
    .endr
.endm
.global fpu_save, fpu_restore
fpu_save:
    floats fsd
    frcsr t0
    sd   t0, 256(a0)
    ret
fpu_restore:
    floats fld
    ld   t0, 256(a0)
    fscsr t0
    ret
.option pop
"#
);

unsafe extern "C" {
    /// Stores the hart's floating-point registers.
    ///
    /// # Safety
    /// The FPU is enabled.
    pub unsafe fn fpu_save(state: &mut FpuState);

    /// Loads the hart's floating-point registers.
    ///
    /// # Safety
    /// The FPU is enabled.
    pub unsafe fn fpu_restore(state: &FpuState);
}

/// Lets the current thread use the FPU.
#[inline]
pub fn fpu_enable() {
    // SAFETY: whose registers are loaded is the business of the caller.
    unsafe { asm!("csrs sstatus, {}", in(reg) sstatus::FS_CLEAN, options(nostack)) };
}

/// Makes the next use of the FPU trap.
#[inline]
pub fn fpu_disable() {
    // SAFETY: kernel code is built without floating point, so only user mode can trap.
    unsafe { asm!("csrc sstatus, {}", in(reg) sstatus::FS, options(nostack)) };
}

/// Whether floating-point instructions work now.
pub(super) fn fpu_is_enabled() -> bool {
    cpu::read_sstatus() & sstatus::FS != 0
}
