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
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::registers::control::Cr2;

use super::context::{self, Frame, NAMES};
use super::{cpu, ipi, uaccess};
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

/// Registers of interrupted kernel code, on its stack.
#[repr(C)]
struct KernelFrame {
    /// As in a `Frame`, but for rsp.
    general: [u64; 16],
    vector: u64,
    error: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

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

# on the stack: vector, error, rip, cs, rflags, rsp, ss
trap_common:
    test byte ptr [rsp + 24], 3
    jz trap_in_kernel
trap_in_user:
    swapgs
    mov gs:[24], rdi
    mov rdi, gs:[16]
    mov [rdi], rax
    mov [rdi + 8*1], rcx
    mov [rdi + 8*2], rdx
    mov [rdi + 8*3], rbx
    mov [rdi + 8*5], rbp
    mov [rdi + 8*6], rsi
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    mov [rdi + 8*\n], r\n
    .endr
    mov rax, gs:[24]
    mov [rdi + 8*7], rax
    mov qword ptr [rdi + 8*{KIND}], {FULL}
    pop rsi
    pop rdx
    pop [rdi + 8*{PC}]
    pop rax
    pop [rdi + 8*{FLAGS}]
    pop [rdi + 8*4]
    mov rsp, gs:[8]
    cld
    xor ebp, ebp
    call {from_user}
    mov rdi, gs:[16]
    jmp resume_full

# Kernel mode does not mean that GS is the kernel's: the trap may have come before `swapgs`.
trap_in_kernel:
    .irp reg, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rsp, rbx, rdx, rcx, rax
    push \reg
    .endr
    cld
    mov ecx, {GS_BASE}
    rdmsr
    mov r12d, edx
    test edx, edx
    js 1f
    swapgs
1:  mov rdi, rsp
    mov rbx, rsp
    and rsp, -16
    call {from_kernel}
    mov rsp, rbx
    test r12d, r12d
    js 2f
    swapgs
2:  .irp reg, rax, rcx, rdx, rbx, r8, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    pop \reg
    .endr
    add rsp, 16
    iretq

.balign 16
.global syscall_entry
syscall_entry:
    swapgs
    mov gs:[24], rsp
    mov rsp, gs:[16]
    mov [rsp + 8*{PC}], rcx
    mov rcx, gs:[24]
    mov [rsp + 8*{FLAGS}], r11
    mov [rsp + 8*4], rcx
    mov [rsp + 8*3], rbx
    mov [rsp + 8*5], rbp
    .irp n, 12, 13, 14, 15
    mov [rsp + 8*\n], r\n
    .endr
    mov qword ptr [rsp + 8*{KIND}], {SYSCALL}
    mov rsp, gs:[8]
    mov rcx, r10
    cmp rax, {CALLS}
    jae 1f
    call [{table} + rax*8]
syscall_exit:
    mov rcx, gs:[16]
    mov rsi, rdx
    mov r11, [rcx + 8*{FLAGS}]
    mov rsp, [rcx + 8*4]
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
"#,
    PC = const context::PC,
    FLAGS = const context::FLAGS,
    KIND = const context::KIND,
    SYSCALL = const context::SYSCALL,
    FULL = const context::FULL,
    GS_BASE = const cpu::MSR_GS_BASE,
    CALLS = const syscall::COUNT,
    table = sym syscall::TABLE,
    no_such_call = sym syscall::no_such_call,
    from_user = sym from_user,
    from_kernel = sym from_kernel,
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

extern "C" fn from_user(_frame: *mut Frame, vector: u64, error: u64) {
    uaccess::close();
    if let Some(what) = acknowledge(vector) {
        return trap::interrupt(what, true);
    }
    match vector {
        7 => trap::fpu_unavailable(),
        NMI => nmi(),
        0..32 => {
            // SAFETY: a trap from user mode has a current thread, which begins with its frame.
            let frame = unsafe { &mut *cpu::current().current.get().cast::<Frame>() };
            let fault = fault(vector, error, frame.pc());
            // A jump outside user space must not become a return to there.
            frame.set_pc(fault.pc);
            trap::user_fault(fault);
        }
        _ => {}
    }
}

extern "C" fn from_kernel(frame: &mut KernelFrame) {
    uaccess::close();
    if let Some(what) = acknowledge(frame.vector) {
        return trap::interrupt(what, false);
    }
    match frame.vector {
        NMI => return nmi(),
        32.. => return,
        _ => {}
    }
    let fault = fault(frame.vector, frame.error, frame.rip);
    frame.rip = trap::kernel_fault(fault, frame, frame.general[5]);
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

fn nmi() {
    NMI_COUNT.fetch_add(1, Ordering::Relaxed);
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
    let is_page = vector == PAGE_FAULT;
    Fault {
        kind,
        address: if is_page { Cr2::read_raw() } else { 0 },
        pc,
        code: vector << 32 | error,
    }
}

impl fmt::Display for KernelFrame {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (general, pc) = (&self.general, self.rip);
        let registers: [_; 20] = core::array::from_fn(|i| match i {
            4 => ("rsp", self.rsp),
            16.. => [
                ("rip", pc),
                ("rflags", self.rflags),
                ("cs", self.cs),
                ("ss", self.ss),
            ][i - 16],
            i => (NAMES[i], general[i]),
        });
        context::dump(f, &registers)
    }
}
