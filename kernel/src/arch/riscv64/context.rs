//! A stopped thread's registers, and the ways back into user mode.
//!
//! A thread that made a system call left the caller-saved registers to the
//! kernel, so its frame holds only the preserved ones and the results that it
//! will see (`SYSCALL`); one that was interrupted or faulted has everything
//! saved (`FULL`). Either return expects `tp` to be this hart's record and
//! leaves it in `sscratch`.
//!
//! The FPU is off (`sstatus.FS`) until a program touches it.

use super::{cpu, sstatus};
use crate::Thread;
use core::arch::{asm, global_asm};
use core::fmt;
use core::mem::offset_of;

pub(super) const SYSCALL: u64 = 0;
pub(super) const FULL: u64 = 1;

const RA: usize = 1;
const SP: usize = 2;
const TP: usize = 4;
pub(super) const S0: usize = 8;
const A0: usize = 10;

/// Names of the registers x1 to x31.
const NAMES: [&str; 31] = [
    "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
    "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];

/// User registers of a stopped thread; the first field of `Thread`. Traps from the kernel save
/// the same on the stack, with the status register.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct Frame {
    /// The program counter in the place of x0, then x1 to x31.
    pub(super) x: [u64; 32],
    pub(super) kind: u64,
    pub(super) status: u64,
}

impl Frame {
    /// The start of a thread: everything zero but pc, stack and the first argument.
    pub const fn user(entry: u64, sp: u64, argument: u64) -> Self {
        let mut x = [0; 32];
        x[0] = entry;
        x[SP] = sp;
        x[A0] = argument;
        Frame {
            x,
            kind: FULL,
            status: 0,
        }
    }

    /// Program counter.
    pub fn pc(&self) -> u64 {
        self.x[0]
    }

    /// Sets the program counter. Any value is safe: a bad one faults in user mode.
    pub fn set_pc(&mut self, pc: u64) {
        self.x[0] = pc;
    }

    /// Stack pointer.
    pub fn sp(&self) -> u64 {
        self.x[SP]
    }

    /// Sets the stack pointer.
    pub fn set_sp(&mut self, sp: u64) {
        self.x[SP] = sp;
    }

    /// Thread pointer.
    pub fn tls(&self) -> u64 {
        self.x[TP]
    }

    /// Sets the thread pointer; takes effect when the thread is resumed.
    pub fn set_tls(&mut self, tls: u64) {
        self.x[TP] = tls;
    }

    /// Sets the two arguments with which a thread starts.
    pub fn set_start(&mut self, first: u64, second: u64) {
        self.x[A0] = first;
        self.x[A0 + 1] = second;
    }

    /// Whether the thread stopped in a system call.
    pub fn in_system_call(&self) -> bool {
        self.kind == SYSCALL
    }

    /// What the system call returns: status, value, words 0 to 3; missing ones are zero.
    pub fn set_results(&mut self, results: &[u64]) {
        for (index, register) in self.x[A0..A0 + 6].iter_mut().enumerate() {
            *register = results.get(index).copied().unwrap_or(0);
        }
    }

    /// Every register by name. In a system call the caller-saved ones are not meaningful.
    pub fn registers(&self) -> [(&'static str, u64); 32] {
        core::array::from_fn(|i| match i {
            31 => ("pc", self.x[0]),
            i => (NAMES[i], self.x[i + 1]),
        })
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.registers().chunks(4).try_for_each(|row| {
            row.iter()
                .try_for_each(|(name, value)| write!(f, "  {name:>6} {value:016x}"))?;
            f.write_str("\n")
        })
    }
}

// Entry and exit code reaches the frame by these offsets: register n at 8 * n.
const _: () = assert!(offset_of!(Frame, x) == 0 && RA == 1 && offset_of!(Frame, kind) == 256);
pub(super) const KIND: usize = offset_of!(Frame, kind);
pub(super) const STATUS: usize = offset_of!(Frame, status);

global_asm!(
    // t0 = frame, tp = this hart's record.
    ".global resume_frame",
    "resume_frame:",
    "  ld   t1, {kind}(t0)",
    "  bnez t1, resume_full",
    ".irp n, 10, 11, 12, 13, 14, 15",
    "  ld   x\\n, 8 * \\n(t0)",
    ".endr",
    // The same, with the results in a0 to a5 already.
    ".global resume_words",
    "resume_words:",
    ".irp n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27",
    "  ld   x\\n, 8 * \\n(t0)",
    ".endr",
    "  ld   gp, 8 * 3(t0)",
    // The same, with all preserved registers but ra, sp and tp still there.
    ".global resume_words_only",
    "resume_words_only:",
    "  ld   t1, 0(t0)",
    "  ld   ra, 8 * 1(t0)",
    "  ld   sp, 8 * 2(t0)",
    "  csrw sepc, t1",
    "  csrw sscratch, tp",
    "  ld   tp, 8 * 4(t0)",
    ".irp n, 5, 6, 7, 16, 17, 28, 29, 30, 31",
    "  li   x\\n, 0",
    ".endr",
    "  sret",
    "resume_full:",
    "  ld   t1, 0(t0)",
    "  csrw sepc, t1",
    "  csrw sscratch, tp",
    ".irp n, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "  ld   x\\n, 8 * \\n(t0)",
    ".endr",
    "  ld   t0, 8 * 5(t0)",
    "  sret",
    kind = const KIND,
);

/// Enters user mode as `thread`. Its address space is already active.
///
/// # Safety
/// `thread` begins with a valid `Frame`, is not running anywhere else and stays where it is while
/// it runs. Nothing on the current kernel stack is needed any more.
pub unsafe fn resume(thread: *mut Thread) -> ! {
    cpu::current().current.set(thread);
    // SAFETY: t0 is the frame, tp this hart's record; the rest is the caller's promise.
    unsafe { asm!("j resume_frame", in("t0") thread, options(noreturn)) }
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

/// Floating-point registers of a thread that is not running.
#[repr(C)]
#[derive(Clone)]
pub struct FpuState {
    pub(super) registers: [u64; 32],
    pub(super) control: u64,
}

impl FpuState {
    /// The registers as a new thread finds them.
    pub const fn new() -> Self {
        FpuState {
            registers: [0; 32],
            control: 0,
        }
    }
}

impl Default for FpuState {
    fn default() -> Self {
        Self::new()
    }
}

global_asm!(
    ".option push",
    ".option arch, +d",
    ".global fpu_store",
    "fpu_store:",
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "  fsd  f\\n, 8 * \\n(a0)",
    ".endr",
    "  frcsr t0",
    "  sd   t0, 256(a0)",
    "  ret",
    ".global fpu_load",
    "fpu_load:",
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "  fld  f\\n, 8 * \\n(a0)",
    ".endr",
    "  ld   t0, 256(a0)",
    "  fscsr t0",
    "  ret",
    ".option pop",
);

unsafe extern "C" {
    fn fpu_store(state: *mut FpuState);
    fn fpu_load(state: *const FpuState);
}

/// Stores the hart's floating-point registers.
///
/// # Safety
/// The FPU is enabled.
pub unsafe fn fpu_save(state: &mut FpuState) {
    // SAFETY: the caller has enabled the FPU; the state has room for every register.
    unsafe { fpu_store(state) }
}

/// Loads the hart's floating-point registers.
///
/// # Safety
/// The FPU is enabled.
pub unsafe fn fpu_restore(state: &FpuState) {
    // SAFETY: as for `fpu_save`.
    unsafe { fpu_load(state) }
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
