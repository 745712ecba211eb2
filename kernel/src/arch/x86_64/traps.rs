//! Vectors and entry code.
//!
//! A trap from user mode saves every register into the current thread's frame and runs on the
//! CPU's kernel stack; when its handler returns, the thread continues by `resume_full`. A trap
//! from kernel mode (idle loop, user copies, bugs) saves on the stack it interrupted. NMI, debug,
//! double fault and machine check may come between the first instruction of an entry and its
//! `swapgs`; they have stacks of their own, and traps in the kernel look at the GS base itself.
//!
//! System calls follow `syscall/abi.rs`: the entry saves what user code may expect back and
//! leaves argument registers alone, so that the message fast paths get them as they came.

use core::arch::global_asm;
use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::registers::control::Cr2;

use super::context::{ERROR, FLAGS, FULL, KIND, PC, SP, VECTOR};
use super::{cpu, ipi, uaccess};
use crate::arch::context::Frame;
use crate::syscall;
use crate::trap::{self, Access, Fault, FaultKind, Interrupt};

/// First vector of the device lines.
pub const DEVICE_VECTOR: u64 = 0x30;
/// How many device lines there are vectors for.
pub const DEVICE_LINES: u64 = 64;
/// The local timer.
pub const TIMER_VECTOR: u64 = 0xf0;
/// Requests of other CPUs.
pub const IPI_VECTOR: u64 = 0xf1;
/// What the APIC raises when an interrupt went away.
pub const SPURIOUS_VECTOR: u64 = 0xff;

const PAGE_FAULT: u64 = 14;
const NMI: u64 = 2;

/// NMIs taken since boot, on all CPUs.
pub static NMI_COUNT: AtomicU64 = AtomicU64::new(0);

global_asm!(
    r#"
.section .text
.balign 16
trap_stubs:
.set vector, 0
.rept 256
    .balign 16
    .if !((vector == 8) | ((vector >= 10) & (vector <= 14)) | (vector == 17) | (vector == 21))
    push 0
    .endif
    push vector
    jmp trap_common
    .set vector, vector + 1
.endr

.macro save
    .irp reg, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
    push \reg
    .endr
.endm

.macro restore
    .irp reg, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    pop \reg
    .endr
    add rsp, 16
    iretq
.endm

// on the stack: vector, error, rip, cs, rflags, rsp, ss; they go to the same places in the frame
trap_common:
    test byte ptr [rsp + 24], 3
    jz trap_in_kernel
    swapgs
    mov gs:[24], rdi
    mov rdi, gs:[16]
    .irp n, 16, 17, 18, 19, 20, 21, 22
    pop [rdi + 8*\n]
    .endr
    lea rsp, [rdi + 8*16]
    mov rdi, gs:[24]
    save
    lea rdi, [rsp - 8]
    mov rsp, gs:[8]
    cld
    xor ebp, ebp
    call {handle}
    mov rdi, gs:[16]
resume_full:
    lea rsp, [rdi + 8]
    swapgs
    restore

// Kernel mode does not mean that GS is the kernel's: the trap may have come before `swapgs`.
trap_in_kernel:
    save
    cld
    mov ecx, {GS_BASE}
    rdmsr
    mov r12d, edx
    test edx, edx
    js 1f
    swapgs
1:  push 0
    mov rdi, rsp
    mov rbx, rsp
    and rsp, -16
    call {handle}
    lea rsp, [rbx + 8]
    test r12d, r12d
    js 2f
    swapgs
2:  restore

.balign 16
.global syscall_entry
syscall_entry:
    swapgs
    mov gs:[24], rsp
    mov rsp, gs:[16]
    mov [rsp + 8*{PC}], rcx
    mov rcx, gs:[24]
    mov [rsp + 8*{FLAGS}], r11
    mov [rsp + 8*{SP}], rcx
    mov [rsp + 8*4], rbx
    mov [rsp + 8*5], rbp
    .irp n, 12, 13, 14, 15
    mov [rsp + 8*\n], r\n
    .endr
    mov qword ptr [rsp + 8*{KIND}], 0
    mov rsp, gs:[8]
    mov rcx, r10
    cmp rax, {CALLS}
    jae 1f
    call [{table} + rax*8]
syscall_exit:
    mov rcx, gs:[16]
    mov rsi, rdx
    mov r11, [rcx + 8*{FLAGS}]
    mov rsp, [rcx + 8*{SP}]
    mov rcx, [rcx + 8*{PC}]
    xor edi, edi
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    xor r9d, r9d
    swapgs
    sysretq
1:  call {no_such_call}
    jmp syscall_exit

// rdi = frame, on any kernel stack
.global resume_frame, resume_words
resume_frame:
    cmp qword ptr [rdi + 8*{KIND}], 0
    jne resume_full
    mov rax, [rdi + 8*1]
    mov rdx, [rdi + 8*3]
    mov rsi, [rdi + 8*6]
    .irp n, 8, 9, 10
    mov r\n, [rdi + 8*\n]
    .endr
resume_words:                       # the results are in their registers
    mov rbx, [rdi + 8*4]
    mov rbp, [rdi + 8*5]
    .irp n, 12, 13, 14, 15
    mov r\n, [rdi + 8*\n]
    .endr
    mov rcx, [rdi + 8*{PC}]
    mov r11, [rdi + 8*{FLAGS}]
    mov rsp, [rdi + 8*{SP}]
    xor edi, edi
    swapgs
    sysretq
"#,
    PC = const PC,
    FLAGS = const FLAGS,
    SP = const SP,
    KIND = const KIND,
    GS_BASE = const cpu::MSR_GS_BASE,
    CALLS = const syscall::COUNT,
    table = sym syscall::TABLE,
    no_such_call = sym syscall::no_such_call,
    handle = sym handle,
);

unsafe extern "C" {
    static trap_stubs: [[u8; 16]; 256];
    fn syscall_entry();
}

/// The entry of a vector.
pub(super) fn stub(vector: u8) -> u64 {
    // SAFETY: the array has an element for each vector; only its address is taken.
    unsafe { (&raw const trap_stubs[usize::from(vector)]) as u64 }
}

/// The entry of SYSCALL.
pub(super) fn syscall_entry_address() -> u64 {
    syscall_entry as *const () as u64
}

/// Any trap but a system call; returns to resume what it came from.
extern "C" fn handle(frame: &mut Frame) {
    uaccess::close();
    let [vector, error] = [VECTOR, ERROR].map(|at| frame.registers[at]);
    let from_user = frame.registers[KIND] == FULL;
    if let Some(what) = acknowledge(vector) {
        return trap::interrupt(what, from_user);
    }
    let fault = fault(vector, error, frame.pc());
    match vector {
        NMI => drop(NMI_COUNT.fetch_add(1, Ordering::Relaxed)),
        32.. => {}
        7 if from_user => trap::fpu_unavailable(),
        _ if from_user => {
            // A jump outside user space must not become a return to there.
            frame.set_pc(fault.pc);
            trap::user_fault(fault);
        }
        _ => frame.registers[PC] = trap::kernel_fault(fault, frame),
    }
}

/// Acknowledges an interrupt and says what it was; None for exceptions and spurious ones.
fn acknowledge(vector: u64) -> Option<Interrupt> {
    let what = match vector {
        TIMER_VECTOR => Interrupt::Timer,
        IPI_VECTOR => Interrupt::Ipi,
        DEVICE_VECTOR..TIMER_VECTOR if vector < DEVICE_VECTOR + DEVICE_LINES => {
            let line = (vector - DEVICE_VECTOR) as u32;
            ipi::mask(line);
            Interrupt::Device(line)
        }
        _ => return None,
    };
    ipi::end_of_interrupt();
    Some(what)
}

fn fault(vector: u64, error: u64, pc: u64) -> Fault {
    let kind = match vector {
        0 | 4 => FaultKind::Arithmetic,
        1 => FaultKind::Debug,
        3 => FaultKind::Breakpoint,
        6 => FaultKind::IllegalInstruction,
        13 if error == 0 => FaultKind::IllegalInstruction,
        PAGE_FAULT if error & 1 << 4 != 0 => FaultKind::Page(Access::Execute),
        PAGE_FAULT if error & 1 << 1 != 0 => FaultKind::Page(Access::Write),
        PAGE_FAULT => FaultKind::Page(Access::Read),
        16 | 19 => FaultKind::FloatingPoint,
        17 => FaultKind::Alignment,
        _ => FaultKind::Other,
    };
    let address = if vector == PAGE_FAULT {
        Cr2::read_raw()
    } else {
        0
    };
    Fault::new(kind, address, pc, vector << 32 | error)
}
