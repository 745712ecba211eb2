//! Traps: the one vector, system-call entry, and what each cause means.
//!
//! From user mode, a system call saves the preserved registers into the current
//! thread's frame and leaves its arguments in their registers; anything else
//! saves all registers there. Both run on the hart's kernel stack, from its top.
//! From the kernel, everything is saved on the stack: the kernel takes
//! interrupts only where it waits, and faults only on user memory. A kernel
//! stack that overflows into its guard page is noticed by the fault address
//! being near `sp`, and reported from a stack of its own.

use super::context::{self, Frame};
use super::{cpu, ipi, paging, sstatus, timer};
use crate::syscall;
use crate::trap::{self, Access, Fault, FaultKind, Interrupt};
use core::arch::{asm, global_asm};

const EMERGENCY_STACK: usize = 16 * 1024;

global_asm!(
    ".option push",
    ".option arch, +a",
    ".balign 4",
    ".global trap_vector",
    "trap_vector:",
    "  csrrw tp, sscratch, tp",
    "  beqz tp, trap_from_kernel",
    "  sd   t0, 24(tp)",               // scratch[0]
    "  csrr t0, scause",
    "  addi t0, t0, -8",               // environment call from user mode
    "  bnez t0, trap_from_user",

    "  ld   t0, 16(tp)",               // current thread, and its frame
    "  sd   ra, 8 * 1(t0)",
    "  sd   sp, 8 * 2(t0)",
    "  sd   gp, 8 * 3(t0)",
    ".irp n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27",
    "  sd   x\\n, 8 * \\n(t0)",
    ".endr",
    "  csrr t1, sepc",
    "  csrrw t2, sscratch, zero",
    "  addi t1, t1, 4",
    "  sd   t1, 0(t0)",
    "  sd   t2, 8 * 4(t0)",
    "  sd   zero, {kind}(t0)",
    "  ld   sp, 8(tp)",
    "  li   t1, {calls}",
    "  bgeu a7, t1, 1f",
    "  lla  t1, {table}",
    "  slli t2, a7, 3",
    "  add  t1, t1, t2",
    "  ld   t1, 0(t1)",
    "  jalr t1",
    // The preserved registers are as they were; words 0 to 3 are zero.
    "2: ld  t0, 16(tp)",
    "  li   a2, 0",
    "  li   a3, 0",
    "  li   a4, 0",
    "  li   a5, 0",
    "  j    resume_words_only",
    "1: call {no_such_call}",
    "  j    2b",

    "trap_from_user:",
    "  ld   t0, 16(tp)",
    ".irp n, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "  sd   x\\n, 8 * \\n(t0)",
    ".endr",
    "  ld   t1, 24(tp)",
    "  csrrw t2, sscratch, zero",
    "  csrr t3, sepc",
    "  sd   t1, 8 * 5(t0)",
    "  sd   t2, 8 * 4(t0)",
    "  sd   t3, 0(t0)",
    "  li   t1, {full}",
    "  sd   t1, {kind}(t0)",
    "  ld   sp, 8(tp)",
    "  csrr a0, scause",
    "  csrr a1, stval",
    "  mv   s0, zero",                 // backtraces end here
    "  call {user_trap}",
    "  ld   t0, 16(tp)",
    "  j    resume_frame",

    "trap_from_kernel:",
    "  csrrw tp, sscratch, zero",
    "  sd   t0, 24(tp)",
    "  sd   t1, 32(tp)",
    "  csrr t0, stval",
    "  sub  t0, t0, sp",
    "  lui  t1, 16",                   // nearer than 64 KiB
    "  add  t0, t0, t1",
    "  slli t1, t1, 1",
    "  bltu t0, t1, 5f",
    "  mv   t1, sp",
    "4: addi sp, sp, -{frame_size}",
    "  sd   t1, 8 * 2(sp)",
    "  ld   t0, 24(tp)",
    "  ld   t1, 32(tp)",
    ".irp n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "  sd   x\\n, 8 * \\n(sp)",
    ".endr",
    "  csrr t0, sepc",
    "  csrr t1, sstatus",
    "  sd   t0, 0(sp)",
    "  sd   t1, {status}(sp)",
    "  li   t0, {closed}",
    "  csrc sstatus, t0",
    "  mv   a0, sp",
    "  csrr a1, scause",
    "  csrr a2, stval",
    "  call {kernel_trap}",
    "  ld   t0, 0(sp)",
    "  ld   t1, {status}(sp)",
    "  csrw sepc, t0",
    "  csrw sstatus, t1",
    ".irp n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "  ld   x\\n, 8 * \\n(sp)",
    ".endr",
    "  ld   sp, 8 * 2(sp)",
    "  sret",
    // Overflow of the kernel stack. One hart reports it; a second one waits for the end.
    "5: lla t0, emergency_taken",
    "  li   t1, 1",
    "  amoswap.w t1, t1, (t0)",
    "6: bnez t1, 6b",
    "  mv   t1, sp",
    "  lla  sp, emergency_top",
    "  j    4b",

    ".option pop",
    ".section .bss.emergency, \"aw\", @nobits",
    ".balign 16",
    "  .skip {emergency_stack}",
    "emergency_top: .skip 8",
    "emergency_taken: .skip 8",
    ".text",
    kind = const context::KIND,
    status = const context::STATUS,
    full = const context::FULL,
    frame_size = const size_of::<Frame>().next_multiple_of(16),
    closed = const sstatus::SUM | sstatus::SPP,
    emergency_stack = const EMERGENCY_STACK,
    calls = const syscall::COUNT,
    table = sym syscall::TABLE,
    no_such_call = sym syscall::no_such_call,
    user_trap = sym user_trap,
    kernel_trap = sym kernel_trap,
);

unsafe extern "C" {
    fn trap_vector();
}

/// Leads this hart's traps to the kernel.
pub(super) fn install() {
    let vector = trap_vector as *const () as u64;
    // SAFETY: the vector handles every trap; a zero sscratch says that the kernel runs.
    unsafe { asm!("csrw sscratch, zero", "csrw stvec, {}", in(reg) vector, options(nostack)) };
}

/// Top bit of `scause`: an interrupt.
const INTERRUPT: u64 = 1 << 63;

/// Any trap from user mode but a system call; returns to resume the current thread.
extern "C" fn user_trap(cause: u64, value: u64) {
    if cause & INTERRUPT != 0 {
        return interrupt(cause, true);
    }
    // An illegal instruction while the FPU is off may be the first use of it: with the FPU on, it
    // traps again if it was not.
    if cause == 2 && !context::fpu_is_enabled() {
        return trap::fpu_unavailable();
    }
    let thread = cpu::current().current.get();
    // SAFETY: the trap came from user mode, so there is a current thread, and it begins with its
    // frame, in which the entry code has just saved the registers.
    let pc = unsafe { (*thread.cast::<Frame>()).pc() };
    trap::user_fault(fault(cause, value, pc));
}

/// Any trap from the kernel.
extern "C" fn kernel_trap(frame: &mut Frame, cause: u64, value: u64) {
    if cause & INTERRUPT != 0 {
        return interrupt(cause, false);
    }
    let fault = fault(cause, value, frame.pc());
    let pc = trap::kernel_fault(fault, &KernelRegisters(frame), frame.x[context::S0]);
    frame.set_pc(pc);
}

fn interrupt(cause: u64, from_user: bool) {
    match cause & !INTERRUPT {
        1 => {
            ipi::acknowledge();
            trap::interrupt(Interrupt::Ipi, from_user);
        }
        5 => {
            timer::disarm();
            trap::interrupt(Interrupt::Timer, from_user);
        }
        // A line that another hart claimed first leaves nothing to take.
        9 => ipi::take()
            .into_iter()
            .for_each(|line| trap::interrupt(Interrupt::Device(line), from_user)),
        other => panic!("interrupt {other} was never enabled"),
    }
}

fn fault(cause: u64, value: u64, pc: u64) -> Fault {
    let kind = match cause {
        0 | 4 | 6 => FaultKind::Alignment,
        2 => FaultKind::IllegalInstruction,
        3 => FaultKind::Breakpoint,
        12 => FaultKind::Page(Access::Execute),
        13 => FaultKind::Page(Access::Read),
        15 => FaultKind::Page(Access::Write),
        _ => FaultKind::Other,
    };
    let fault = Fault::new(kind, value, pc, cause);
    // The hart may remember that there was no translation when there is one by now; the handler
    // would find nothing to do and the fault repeat for ever.
    paging::flush_address(fault.address);
    fault
}

/// Registers of interrupted kernel code, with the control registers that explain it.
struct KernelRegisters<'a>(&'a Frame);

impl core::fmt::Display for KernelRegisters<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (status, satp) = (self.0.status, paging::read_root());
        writeln!(f, "{}  status {status:016x}    satp {satp:016x}", self.0)
    }
}
