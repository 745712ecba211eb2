//! Exception vectors and what stands behind each.
//!
//! From user mode `SP_EL1` is the current thread's frame: registers go there
//! first, then the CPU's own stack is taken. A system call saves the preserved
//! registers only and keeps its arguments in registers; they are all still
//! there on the way back, where the rest is cleared two at a time from a zero
//! pair in the frame. From the kernel everything is saved on the stack.

use core::arch::global_asm;
use core::mem::offset_of;

use super::context::{self, FULL, KIND};
use super::{ipi, read_register, write_register};
use crate::arch::context::Frame;
use crate::ipc::message_passing::{ipc_fast_call, ipc_fast_reply_receive};
use crate::panic::fatal_trap;
use crate::percpu::PerCpu;
use crate::syscall;
use crate::trap::{self, Access, Fault, FaultKind};
use veridian_abi::number;

const CLASS_FPU: u64 = 0x07;
const CLASS_SYSTEM_CALL: u64 = 0x15;
/// What a vector is for.
const SYNCHRONOUS: u64 = 0;
const INTERRUPT: u64 = 1;
const OTHER: u64 = 2;
const EMERGENCY_STACK: usize = 8192;

global_asm!(
    r#"
.macro pair op a b
    \op   x\a, x\b, [sp, #8 * \a]
.endm

// Stores or loads every register but x16, x17 and x30.
.macro most op
    .irp  n, "0, 1", "2, 3", "4, 5", "6, 7", "8, 9", "10, 11", "12, 13", "14, 15", "18, 19", "20, 21", "22, 23", "24, 25", "26, 27", "28, 29"
    pair  \op, \n
    .endr
.endm

// Stores or loads the registers that a system call preserves.
.macro preserved op
    .irp  n, "19, 20", "21, 22", "23, 24", "25, 26", "27, 28", "29, 30"
    pair  \op, \n
    .endr
.endm

.macro load_all
    ldp   x16, x17, [sp, #128]
    ldr   x30, [sp, #240]
    most  ldp
.endm

// To user mode, with nothing in the registers that are neither results nor preserved.
.macro return_results
    .irp  n, "x6, x7", "x8, x9", "x10, x11", "x12, x13", "x14, x15", "x16, x17"
    ldp   \n, [sp, #{zeros}]
    .endr
    mov   x18, xzr
    eret
.endm

// A trap in user mode: everything into the frame, x16 and x17 are there already.
.macro user_trap cause
    most  stp
    mrs   x1, sp_el0
    mrs   x2, elr_el1
    mrs   x3, spsr_el1
    mrs   x4, tpidr_el0
    orr   x3, x3, #{full}
    stp   x30, x1, [sp, #240]
    stp   x2, x3, [sp, #{pc}]
    str   x4, [sp, #{tls}]
    mov   x0, sp
    mrs   x1, tpidr_el1
    ldr   x1, [x1, #{stack_top}]
    mov   sp, x1
    mov   x29, xzr
    mov   x1, #\cause
    bl    {handle}
    mrs   x0, tpidr_el1
    ldr   x0, [x0, #{current}]
    b     resume_frame
.endm

// A trap in the kernel: everything on the stack, x0 = frame, and back.
.macro kernel_trap handler, cause=0
    sub   sp, sp, #{frame_size}
    stp   x16, x17, [sp, #128]
    most  stp
    add   x1, sp, #{frame_size}
    mrs   x2, elr_el1
    mrs   x3, spsr_el1
    stp   x30, x1, [sp, #240]
    stp   x2, x3, [sp, #{pc}]
    str   xzr, [sp, #{tls}]
    mov   x0, sp
    mov   x1, #\cause
    bl    \handler
    ldp   x2, x3, [sp, #{pc}]
    msr   elr_el1, x2
    msr   spsr_el1, x3
    load_all
    add   sp, sp, #{frame_size}
    eret
.endm

// A trap that should not happen.
.macro unexpected
.balign 128
    msr   tpidrro_el0, x0
    b     unexpected_trap
.endm

.section .text.vectors, "ax"
.global vectors
.balign 2048
vectors:
    .rept 4
    unexpected                     // kernel with the user's stack pointer: never
    .endr
.balign 128                        // kernel: a fault near the stack pointer is the stack's end
    msr   tpidrro_el0, x0
    mrs   x0, far_el1
    sub   x0, sp, x0
    add   x0, x0, #8, lsl #12
    lsr   x0, x0, #16
    cbz   x0, unexpected_trap
    mrs   x0, tpidrro_el0
    msr   tpidrro_el0, xzr
    b     kernel_sync
.balign 128
    b     kernel_interrupt
    unexpected
    unexpected
.balign 128                        // user: system call or fault
    stp   x16, x17, [sp, #128]
    mrs   x17, esr_el1
    lsr   x16, x17, #26
    cmp   x16, #{system_call}
    b.ne  user_fault
    mrs   x16, sp_el0
    preserved stp
    mrs   x17, elr_el1
    mrs   x9, spsr_el1
    mrs   x10, tpidr_el0
    stp   x16, x17, [sp, #{sp}]
    stp   x9, x10, [sp, #{pstate}]
    mrs   x11, tpidr_el1
    ldr   x12, [x11, #{stack_top}]
    mov   sp, x12
    adr   x30, system_call_return
    cmp   x8, #{reply_receive}
    b.ls  1f
    cmp   x8, #{calls}
    b.hs  {no_such_call}
    ldr   x9, ={table}
    ldr   x9, [x9, x8, lsl #3]
    br    x9
1:  cbz   x8, {fast_call}
    b     {fast_reply_receive}
.balign 128                        // user: interrupt
    stp   x16, x17, [sp, #128]
    b     user_interrupt
.balign 128
    b     user_other
.balign 128
    b     user_other
    .rept 4
    unexpected                     // 32-bit user code: there is none
    .endr

system_call_return:                // x0, x1 = status and value
    mrs   x9, tpidr_el1
    ldr   x9, [x9, #{current}]
    mov   sp, x9
    ldp   x10, x11, [sp, #{pc}]    // a trap in the kernel has left its own in the registers
    ldr   x30, [sp, #240]
    msr   elr_el1, x10
    msr   spsr_el1, x11
    ldp   x2, x3, [sp, #{zeros}]
    ldp   x4, x5, [sp, #{zeros}]
    return_results

.global resume_frame
resume_frame:                      // x0 = thread
    mov   sp, x0
    ldp   x1, x2, [sp, #{sp}]
    ldp   x3, x4, [sp, #{pstate}]
    msr   sp_el0, x1
    msr   elr_el1, x2
    msr   tpidr_el0, x4
    tbnz  x3, #63, 1f
    msr   spsr_el1, x3
    ldp   x0, x1, [sp]
    ldp   x2, x3, [sp, #16]
    ldp   x4, x5, [sp, #32]
    preserved ldp
    return_results
1:  and   x3, x3, #~{full}
    msr   spsr_el1, x3
    load_all
    eret

user_fault:
    user_trap {sync}
user_interrupt:
    user_trap {interrupt}
user_other:
    stp   x16, x17, [sp, #128]
    user_trap {other}
kernel_sync:
    kernel_trap {handle}, {sync}
kernel_interrupt:
    kernel_trap {handle}, {interrupt}

unexpected_trap:                   // x0 is in TPIDRRO_EL0; the stack may be full
    mov   x0, sp
    msr   sp_el0, x0
    adrp  x0, emergency_stack_top
    add   x0, x0, :lo12:emergency_stack_top
    mov   sp, x0
    mrs   x0, tpidrro_el0
    kernel_trap {unexpected}

.ltorg

.section .bss.emergency, "aw", @nobits
.balign 16
    .skip {emergency_stack}
emergency_stack_top:
"#,
    system_call = const CLASS_SYSTEM_CALL,
    sp = const 8 * context::SP,
    pc = const 8 * context::PC,
    pstate = const 8 * KIND,
    tls = const 8 * context::TLS,
    zeros = const 8 * context::NAMES.len(),
    frame_size = const size_of::<Frame>(),
    full = const FULL,
    stack_top = const offset_of!(PerCpu, kernel_stack_top),
    current = const offset_of!(PerCpu, current),
    emergency_stack = const EMERGENCY_STACK,
    calls = const syscall::COUNT,
    table = sym syscall::TABLE,
    no_such_call = sym syscall::no_such_call,
    fast_call = sym ipc_fast_call,
    fast_reply_receive = sym ipc_fast_reply_receive,
    reply_receive = const number::reply_receive,
    sync = const SYNCHRONOUS,
    interrupt = const INTERRUPT,
    other = const OTHER,
    handle = sym handle,
    unexpected = sym unexpected,
);

// The entry takes the number below for a call.
const _: () = assert!(number::call == 0 && number::reply_receive == 1);

unsafe extern "C" {
    static vectors: [u8; 0];
}

/// Tells this CPU where its vectors are.
pub fn init_cpu() {
    // SAFETY: the table is complete and aligned as the architecture wants it.
    unsafe { write_register!("vbar_el1", (&raw const vectors).addr(), isb) };
}

/// Describes the exception by its class and status in `ESR_EL1` (Arm ARM D24.2.40).
fn describe(pc: u64) -> Fault {
    let code = read_register!("esr_el1");
    let kind = match (code >> 26, code & 0x3f) {
        // Unknown, illegal state, system register, SVE.
        (0x00 | 0x0e | 0x18 | 0x19, _) => FaultKind::IllegalInstruction,
        // Program counter, stack pointer, data.
        (0x22 | 0x26, _) | (0x24 | 0x25, 0x21) => FaultKind::Alignment,
        // Translation, access flag and permission faults, of any level: fetches, then data.
        (0x20 | 0x21, 4..16) => FaultKind::Page(Access::Execute),
        (0x24 | 0x25, 4..16) if code & 1 << 6 != 0 => FaultKind::Page(Access::Write),
        (0x24 | 0x25, 4..16) => FaultKind::Page(Access::Read),
        (0x2c, _) => FaultKind::FloatingPoint,
        (0x3c, _) => FaultKind::Breakpoint,
        (0x30..=0x35, _) => FaultKind::Debug,
        _ => FaultKind::Other,
    };
    Fault::new(kind, read_register!("far_el1"), pc, code)
}

/// Any trap but a system call; returns to resume what it came from.
extern "C" fn handle(frame: &mut Frame, cause: u64) {
    let from_user = frame.registers[KIND] & FULL != 0;
    if cause == INTERRUPT {
        return ipi::handle(from_user);
    }
    let mut fault = describe(frame.pc());
    if cause == OTHER {
        fault = Fault::new(FaultKind::Other, 0, fault.pc, fault.code);
    }
    match from_user {
        true if cause == SYNCHRONOUS && fault.code >> 26 == CLASS_FPU => trap::fpu_unavailable(),
        true => trap::user_fault(fault),
        false => frame.registers[context::PC] = trap::kernel_fault(fault, frame),
    }
}

/// Runs on the emergency stack, with the registers saved there.
extern "C" fn unexpected(frame: &mut Frame) -> ! {
    frame.registers[context::SP] = read_register!("sp_el0");
    let fault = describe(frame.pc());
    let what = match fault.kind {
        FaultKind::Page(_) => "kernel stack overflow",
        _ => "unexpected exception",
    };
    fatal_trap(format_args!("{what}: {fault}"), frame)
}
