//! A stopped thread's registers, and the ways back into user mode.
//!
//! A thread that made a system call left the caller-saved registers to the kernel, so its frame
//! holds only the preserved ones and the results that it will see (`SYSCALL`); it returns by
//! SYSRET. One that was interrupted or faulted has everything saved (`FULL`) and returns by IRET.
//! Invariant: the program counter of a frame is canonical and its flags came from user mode, so
//! neither return can fault in the kernel.

use core::arch::x86_64::__cpuid_count;
use core::arch::{asm, global_asm};
use core::fmt;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering};

use x86_64::registers::control::{Cr0, Cr0Flags};

use super::cpu::{self, Features, MSR_FS_BASE};
use super::descriptors::{self, USER_CODE, USER_DATA};
use crate::Thread;
use crate::arch::layout::USER_END;
use crate::percpu::PerCpu;

/// Names of a frame's registers: general ones by their numbers in machine code, then the rest.
pub(super) const NAMES: [&str; 19] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "rip", "rflags", "fs",
];
const RAX: usize = 0;
const RDX: usize = 2;
const RSP: usize = 4;
const RSI: usize = 6;
const RDI: usize = 7;
const R8: usize = 8;
pub(super) const PC: usize = 16;
pub(super) const FLAGS: usize = 17;
const TLS: usize = 18;
/// How the thread stopped: `SYSCALL` or `FULL`.
pub(super) const KIND: usize = 19;

pub(super) const SYSCALL: u64 = 0;
pub(super) const FULL: u64 = 1;
/// Interrupts on, and the bit that is always set.
const USER_FLAGS: u64 = 0x202;

/// User registers of a stopped thread; the first field of `Thread`.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct Frame {
    registers: [u64; 20],
}

impl Frame {
    /// The start of a thread: everything zero but pc, stack and the first argument.
    pub const fn user(entry: u64, sp: u64, argument: u64) -> Self {
        let mut registers = [0; 20];
        registers[PC] = if entry < USER_END { entry } else { USER_END };
        registers[RSP] = sp;
        registers[RDI] = argument;
        registers[FLAGS] = USER_FLAGS;
        registers[KIND] = FULL;
        Frame { registers }
    }

    /// Program counter.
    pub fn pc(&self) -> u64 {
        self.registers[PC]
    }

    /// Sets the program counter; one outside user space becomes one that faults.
    pub fn set_pc(&mut self, pc: u64) {
        self.registers[PC] = pc.min(USER_END);
    }

    /// Stack pointer.
    pub fn sp(&self) -> u64 {
        self.registers[RSP]
    }

    /// Sets the stack pointer.
    pub fn set_sp(&mut self, sp: u64) {
        self.registers[RSP] = sp;
    }

    /// Thread pointer (FS base).
    pub fn tls(&self) -> u64 {
        self.registers[TLS]
    }

    /// Sets the thread pointer; `activate_tls` brings it into effect. One outside user space
    /// becomes its end, since the CPU refuses addresses that are not canonical.
    pub fn set_tls(&mut self, tls: u64) {
        self.registers[TLS] = tls.min(USER_END);
    }

    /// Makes this thread's pointer the CPU's.
    #[inline(always)]
    pub fn activate_tls(&self) {
        // scratch[1] is the FS base that is loaded; user mode cannot change it.
        let loaded = &cpu::current().scratch[1];
        if loaded.get() != self.tls() {
            loaded.set(self.tls());
            // SAFETY: `set_tls` lets only canonical addresses in.
            unsafe { cpu::write_msr(MSR_FS_BASE, self.tls()) };
        }
    }

    /// Whether the thread stopped in a system call.
    pub fn in_system_call(&self) -> bool {
        self.registers[KIND] == SYSCALL
    }

    /// What the system call returns: status, value, words 0 to 3; missing ones are zero.
    pub fn set_results(&mut self, results: &[u64]) {
        for (i, register) in [RAX, RSI, RDX, R8 + 2, R8, R8 + 1].into_iter().enumerate() {
            self.registers[register] = results.get(i).copied().unwrap_or(0);
        }
    }

    /// Every register by name. In a system call the caller-saved ones are not meaningful.
    pub fn registers(&self) -> [(&'static str, u64); 19] {
        core::array::from_fn(|i| (NAMES[i], self.registers[i]))
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        dump(f, &self.registers())
    }
}

/// Writes registers in rows of four.
pub(super) fn dump(f: &mut fmt::Formatter, registers: &[(&str, u64)]) -> fmt::Result {
    registers.chunks(4).try_for_each(|row| {
        row.iter()
            .try_for_each(|(name, value)| write!(f, "  {name:>6} {value:016x}"))?;
        f.write_str("\n")
    })
}

global_asm!(
    r#"
# rdi = frame, on any kernel stack, gs = kernel's
.global resume_frame
resume_frame:
    cmp qword ptr [rdi + 8*{KIND}], {SYSCALL}
    jne resume_full
    mov rax, [rdi]
    mov rdx, [rdi + 8*2]
    mov rbx, [rdi + 8*3]
    mov rbp, [rdi + 8*5]
    mov rsi, [rdi + 8*6]
    .irp n, 8, 9, 10, 12, 13, 14, 15
    mov r\n, [rdi + 8*\n]
    .endr
    mov rcx, [rdi + 8*{PC}]
    mov r11, [rdi + 8*{FLAGS}]
    mov rsp, [rdi + 8*4]
    xor edi, edi
    swapgs
    sysretq
.global resume_full
resume_full:
    mov rsp, gs:[8]
    push {USER_DATA}
    push [rdi + 8*4]
    push [rdi + 8*{FLAGS}]
    push {USER_CODE}
    push [rdi + 8*{PC}]
    mov rax, [rdi]
    mov rcx, [rdi + 8*1]
    mov rdx, [rdi + 8*2]
    mov rbx, [rdi + 8*3]
    mov rbp, [rdi + 8*5]
    mov rsi, [rdi + 8*6]
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    mov r\n, [rdi + 8*\n]
    .endr
    mov rdi, [rdi + 8*7]
    swapgs
    iretq
"#,
    PC = const PC,
    FLAGS = const FLAGS,
    KIND = const KIND,
    SYSCALL = const SYSCALL,
    USER_DATA = const USER_DATA,
    USER_CODE = const USER_CODE,
);

unsafe extern "C" {
    fn resume_frame(frame: *mut Frame) -> !;
}

/// Enters user mode as `thread`. Its address space and thread pointer are already active.
///
/// # Safety
/// `thread` begins with a valid `Frame`, is not running anywhere else and stays where it is while
/// it runs. Nothing on the current kernel stack is needed any more.
pub unsafe fn resume(thread: *mut Thread) -> ! {
    cpu::current().current.set(thread);
    // SAFETY: the caller's promise.
    unsafe {
        (*thread.cast::<Frame>()).activate_tls();
        resume_frame(thread.cast())
    }
}

/// Enters user mode as `thread`, which is stopped in a system call, with these results, none of
/// which goes through memory.
///
/// # Safety
/// As for `resume`, the thread is current, and its frame is that of a system call.
#[inline(always)]
pub unsafe fn resume_message(thread: *mut Thread, status: u64, value: u64, words: [u64; 4]) -> ! {
    // SAFETY: the caller's promise; the registers that the code does not load are results.
    unsafe {
        asm!(
            "mov r11, [rdi + 8*{TLS}]",
            "cmp r11, gs:[{LOADED_TLS}]",
            "jne 3f",
            "2: mov rbx, [rdi + 8*3]",
            "mov rbp, [rdi + 8*5]",
            ".irp n, 12, 13, 14, 15",
            "mov r\\n, [rdi + 8*\\n]",
            ".endr",
            "mov rcx, [rdi + 8*{PC}]",
            "mov r11, [rdi + 8*{FLAGS}]",
            "mov rsp, [rdi + 8*4]",
            "xor edi, edi",
            "swapgs",
            "sysretq",
            // As `activate_tls`.
            "3: mov gs:[{LOADED_TLS}], r11",
            "mov rbx, rax",
            "mov rbp, rdx",
            "mov eax, r11d",
            "mov rdx, r11",
            "shr rdx, 32",
            "mov ecx, {FS_BASE}",
            "wrmsr",
            "mov rax, rbx",
            "mov rdx, rbp",
            "jmp 2b",
            PC = const PC,
            FLAGS = const FLAGS,
            TLS = const TLS,
            LOADED_TLS = const offset_of!(PerCpu, scratch) + 8,
            FS_BASE = const MSR_FS_BASE,
            in("rdi") thread, in("rax") status, in("rsi") value,
            in("rdx") words[0], in("r10") words[1], in("r8") words[2], in("r9") words[3],
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
    let cpu = cpu::current();
    cpu.kernel_stack_top.set(top);
    descriptors::set_kernel_stack(cpu, top);
    // SAFETY: the caller's promise; the zero return address ends backtraces.
    unsafe {
        asm!(
            "mov rsp, {top}",
            "xor ebp, ebp",
            "push 0",
            "jmp {entry}",
            top = in(reg) top,
            entry = in(reg) entry,
            options(noreturn),
        )
    }
}

/// The parts of the extended state that XSAVE handles (x87, SSE, AVX); 0 without XSAVE.
static XSTATE: AtomicU32 = AtomicU32::new(0);

/// Floating-point and vector registers of a thread that is not running.
#[repr(C, align(64))]
#[derive(Clone)]
pub struct FpuState {
    bytes: [u8; 832],
}

impl FpuState {
    /// The registers as a new thread finds them: empty, exceptions masked.
    pub const fn new() -> Self {
        let mut bytes = [0; 832];
        // Control words of x87 and SSE; the header after byte 512 says that they are there.
        (bytes[0], bytes[1]) = (0x7f, 0x03);
        (bytes[24], bytes[25]) = (0x80, 0x1f);
        bytes[512] = 0b11;
        FpuState { bytes }
    }
}

impl Default for FpuState {
    fn default() -> Self {
        Self::new()
    }
}

/// Chooses the state that XSAVE handles on this CPU.
pub(super) fn init_cpu() {
    if !cpu::has(Features::XSAVE) {
        return;
    }
    let state = if cpu::has(Features::AVX) {
        0b111
    } else {
        0b011
    };
    // SAFETY: CR4.OSXSAVE is set, the CPU has these parts, and nothing uses them yet.
    unsafe {
        fpu_enable();
        asm!("xsetbv", in("ecx") 0, in("eax") state, in("edx") 0, options(nostack));
        fpu_disable();
    }
    assert!(
        __cpuid_count(13, 0).ebx as usize <= size_of::<FpuState>(),
        "extended state too large"
    );
    XSTATE.store(state, Ordering::Relaxed);
}

macro_rules! move_state {
    ($area:expr, $extended:literal, $plain:literal) => {
        // SAFETY: the area is large enough (`init_cpu`), aligned, and holds what `FpuState::new`
        // or a save left there; that the FPU is enabled is the caller's promise.
        unsafe {
            let parts = XSTATE.load(Ordering::Relaxed);
            if parts == 0 {
                asm!($plain, in(reg) $area, options(nostack, preserves_flags));
            } else {
                asm!($extended, in(reg) $area, in("eax") parts, in("edx") 0, options(nostack, preserves_flags));
            }
        }
    };
}

/// Stores the CPU's floating-point registers.
///
/// # Safety
/// The FPU is enabled.
pub unsafe fn fpu_save(state: &mut FpuState) {
    move_state!(state.bytes.as_mut_ptr(), "xsave64 [{}]", "fxsave64 [{}]")
}

/// Loads the CPU's floating-point registers.
///
/// # Safety
/// The FPU is enabled.
pub unsafe fn fpu_restore(state: &FpuState) {
    move_state!(state.bytes.as_ptr(), "xrstor64 [{}]", "fxrstor64 [{}]")
}

/// Lets the current thread use the FPU.
#[inline]
pub fn fpu_enable() {
    // SAFETY: whose registers are loaded is the business of the caller.
    unsafe { asm!("clts", options(nostack, preserves_flags)) }
}

/// Makes the next use of the FPU trap.
#[inline]
pub fn fpu_disable() {
    // SAFETY: kernel code is built without floating point, so only user mode can trap.
    unsafe { Cr0::update(|cr0| cr0.insert(Cr0Flags::TASK_SWITCHED)) }
}
