//! Traps: the one vector, system-call entry, and what each cause means.
//!
//! From user mode, a system call saves the preserved registers into the current
//! thread's frame and leaves its arguments in their registers; anything else
//! saves all registers there. Both run on the hart's kernel stack, from its top.
//! From the kernel, everything is saved on the stack: the kernel takes
//! interrupts only where it waits, and faults only on user memory. A kernel
//! stack that overflows into its guard page is noticed by the fault address
//! being near `sp`, and reported from a stack of its own.

use super::{context, ipi, paging, sstatus, timer};
use crate::arch::context::Frame;
use crate::syscall;
use crate::trap::{self, Access, Fault, FaultKind, Interrupt};
use core::arch::{asm, global_asm};

const EMERGENCY_STACK: usize = 16 * 1024;

global_asm!(
    r#"
.option push
.option arch, +a
// `op` with each of these registers and its place in the frame at t0.
.macro each op, registers:vararg
    .irp n, \registers
    \op x\n, 8 * \n(t0)
    .endr
.endm
// All but sp, tp and t0.
.macro most op
    each \op, 1, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
.endm

.balign 4
.global trap_vector
trap_vector:
    csrrw tp, sscratch, tp
    beqz tp, trap_from_kernel
    sd   t0, 24(tp)                 # scratch[0]
    csrr t0, scause
    addi t0, t0, -8                 # environment call from user mode
    bnez t0, trap_from_user

    ld   t0, 16(tp)                 # current thread, and its frame
    each sd, 1, 2, 3, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    csrr t1, sepc
    csrrw t2, sscratch, zero
    addi t1, t1, 4
    sd   t1, 0(t0)
    sd   t2, 8 * 4(t0)
    sd   zero, 8 * {kind}(t0)
    ld   sp, 8(tp)
    li   t1, {calls}
    bgeu a7, t1, 1f
    lla  t1, {table}
    slli t2, a7, 3
    add  t1, t1, t2
    ld   t1, 0(t1)
    jalr t1
2:  ld   t0, 16(tp)                 # preserved registers are as they were; words 0 to 3 are zero
    .irp n, 12, 13, 14, 15
    li   x\n, 0
    .endr
    j    resume_words_only
1:  call {no_such_call}
    j    2b

trap_from_user:
    ld   t0, 16(tp)
    most sd
    ld   t1, 24(tp)
    csrrw t2, sscratch, zero
    csrr t3, sepc
    sd   t1, 8 * 5(t0)
    sd   t2, 8 * 4(t0)
    sd   t3, 0(t0)
    sd   sp, 8 * 2(t0)
    li   t1, {full}
    sd   t1, 8 * {kind}(t0)
    ld   sp, 8(tp)
    mv   a0, t0
    csrr a1, scause
    csrr a2, stval
    mv   s0, zero                   # backtraces end here
    call {handle}
    ld   t0, 16(tp)

// t0 = frame, tp = this hart's record.
.global resume_frame
resume_frame:
    ld   t1, 8 * {kind}(t0)
    bnez t1, resume_full
    each ld, 10, 11, 12, 13, 14, 15
// The same, with the results in a0 to a5 already.
.global resume_words
resume_words:
    each ld, 3, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
// The same, with all preserved registers but ra, sp and tp still there.
resume_words_only:
    ld   t1, 0(t0)
    csrw sepc, t1
    csrw sscratch, tp
    each ld, 1, 2, 4
    .irp n, 5, 6, 7, 16, 17, 28, 29, 30, 31
    li   x\n, 0
    .endr
    sret
resume_full:
    csrw sscratch, tp
1:  ld   t1, 0(t0)
    csrw sepc, t1
    most ld
    each ld, 2, 4, 5
    sret

trap_from_kernel:
    csrrw tp, sscratch, zero
    sd   t0, 24(tp)
    sd   t1, 32(tp)
    csrr t0, stval
    sub  t0, t0, sp
    lui  t1, 16                     # nearer than 64 KiB
    add  t0, t0, t1
    slli t1, t1, 1
    bltu t0, t1, 5f
    mv   t1, sp
4:  addi sp, sp, -{frame_size}
    mv   t0, sp
    sd   t1, 8 * 2(t0)
    ld   t1, 32(tp)
    most sd
    ld   t1, 24(tp)
    csrr t2, sepc
    csrr t3, sstatus
    sd   t1, 8 * 5(t0)
    sd   t2, 0(t0)
    sd   t3, 8 * {status}(t0)
    sd   tp, 8 * 4(t0)
    sd   zero, 8 * {kind}(t0)
    li   t1, {closed}
    csrc sstatus, t1
    mv   a0, sp
    csrr a1, scause
    csrr a2, stval
    call {handle}
    mv   t0, sp
    ld   t1, 8 * {status}(t0)
    csrw sstatus, t1
    j    1b
5:  lla  t0, emergency_taken        # the stack overflows: one hart reports it, others wait
    li   t1, 1
    amoswap.w t1, t1, (t0)
6:  bnez t1, 6b
    mv   t1, sp
    lla  sp, emergency_top
    j    4b

.option pop
.section .bss.emergency, "aw", @nobits
.balign 16
    .skip {emergency_stack}
emergency_top: .skip 8
emergency_taken: .skip 8
.text
"#,
    kind = const context::KIND,
    status = const context::STATUS,
    full = const context::FULL,
    frame_size = const size_of::<Frame>(),
    closed = const sstatus::SUM | sstatus::SPP,
    emergency_stack = const EMERGENCY_STACK,
    calls = const syscall::COUNT,
    table = sym syscall::TABLE,
    no_such_call = sym syscall::no_such_call,
    handle = sym handle,
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

/// Any trap but a system call; returns to resume what it came from.
extern "C" fn handle(frame: &mut Frame, cause: u64, value: u64) {
    let from_user = frame.registers[context::KIND] == context::FULL;
    if cause & INTERRUPT != 0 {
        return interrupt(cause, from_user);
    }
    let fault = fault(cause, value, frame.pc());
    match from_user {
        // An illegal instruction while the FPU is off may be the first use of it: with the FPU
        // on, it traps again if it was not.
        true if cause == 2 && !context::fpu_is_enabled() => trap::fpu_unavailable(),
        true => trap::user_fault(fault),
        false => frame.registers[context::PC] = trap::kernel_fault(fault, frame),
    }
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
