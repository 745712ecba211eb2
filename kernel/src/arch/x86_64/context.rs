//! Where a frame has its registers, and the ways back into user mode.
//!
//! A thread that made a system call returns by SYSRET, one that has everything saved by IRET.
//! Invariant: the program counter of a frame is canonical and its flags came from user mode, so
//! neither return can fault in the kernel.

use core::arch::asm;
use core::arch::x86_64::__cpuid_count;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering};

use x86_64::registers::control::{Cr0, Cr0Flags};

use super::cpu::{self, Features, MSR_FS_BASE};
use super::descriptors::{self, USER_CODE, USER_DATA};
use crate::Thread;
use crate::arch::context::Frame;
use crate::percpu::PerCpu;

/// What a frame holds: `r8` and those above have their own numbers; what the CPU pushes in a trap
/// lies as it pushes it.
pub const NAMES: [&str; 23] = [
    "fs", "rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "vector", "error", "rip", "cs", "rflags", "rsp", "ss",
];
/// Words of a frame behind the named registers.
pub const UNNAMED: usize = 0;
/// Place of the thread pointer.
pub const TLS: usize = 0;
/// Place of the frame pointer.
pub const FRAME_POINTER: usize = 5;
/// Place of the first argument of a thread.
pub const ARGUMENT: usize = 7;
/// rax, rsi, rdx, r10, r8, r9.
pub const RESULTS: [usize; 6] = [1, 6, 3, 10, 8, 9];
/// Place of the trap's vector.
pub const VECTOR: usize = 16;
/// Place of the trap's error code.
pub const ERROR: usize = 17;
/// Place of the program counter.
pub const PC: usize = 18;
/// The code segment, which is 0 after a system call.
pub const KIND: usize = 19;
/// Place of the flags.
pub const FLAGS: usize = 20;
/// Place of the stack pointer.
pub const SP: usize = 21;
/// What the word at `KIND` has where every register is valid.
pub const FULL: u64 = USER_CODE as u64;
/// How a thread starts; the flags: interrupts on, and the bit that is always set.
pub const START: [(usize, u64); 3] = [(KIND, FULL), (FLAGS, 0x202), (22, USER_DATA as u64)];

unsafe extern "C" {
    fn resume_frame(frame: *mut Frame) -> !;
}

/// Makes this thread's pointer the CPU's.
#[inline(always)]
pub(super) fn activate_tls(frame: &Frame) {
    // scratch[1] is the FS base that is loaded; user mode cannot change it.
    let loaded = &cpu::current().scratch[1];
    if loaded.get() != frame.tls() {
        loaded.set(frame.tls());
        // SAFETY: `set_tls` lets only canonical addresses in.
        unsafe { cpu::write_msr(MSR_FS_BASE, frame.tls()) };
    }
}

/// Continues with `frame`.
///
/// # Safety
/// As for `resume`.
pub unsafe fn enter(frame: *mut Frame) -> ! {
    // SAFETY: the caller's promise.
    unsafe {
        activate_tls(&*frame);
        resume_frame(frame)
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
            "je resume_words",
            // As `activate_tls`.
            "mov gs:[{LOADED_TLS}], r11",
            "mov rbx, rax",
            "mov rbp, rdx",
            "mov eax, r11d",
            "mov rdx, r11",
            "shr rdx, 32",
            "mov ecx, {FS_BASE}",
            "wrmsr",
            "mov rax, rbx",
            "mov rdx, rbp",
            "jmp resume_words",
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
pub struct FpuState([u8; 832]);

impl Default for FpuState {
    /// The registers as a new thread finds them: empty, exceptions masked.
    fn default() -> Self {
        let mut bytes = [0; 832];
        // Control words of x87 and SSE; the header after byte 512 says that they are there.
        (bytes[0], bytes[1]) = (0x7f, 0x03);
        (bytes[24], bytes[25]) = (0x80, 0x1f);
        bytes[512] = 0b11;
        FpuState(bytes)
    }
}

/// Chooses the state that XSAVE handles on this CPU.
pub(super) fn init_cpu() {
    if !cpu::has(Features::XSAVE) {
        return;
    }
    let state = 0b011 | u32::from(cpu::has(Features::AVX)) << 2;
    // SAFETY: CR4.OSXSAVE is set, the CPU has these parts, and nothing uses them yet.
    unsafe {
        fpu_enable();
        asm!("xsetbv", in("ecx") 0, in("eax") state, in("edx") 0, options(nostack));
        fpu_disable();
    }
    let size = __cpuid_count(13, 0).ebx as usize;
    assert!(size <= size_of::<FpuState>(), "extended state too large");
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
    move_state!(state.0.as_mut_ptr(), "xsave64 [{}]", "fxsave64 [{}]")
}

/// Loads the CPU's floating-point registers.
///
/// # Safety
/// The FPU is enabled.
pub unsafe fn fpu_restore(state: &FpuState) {
    move_state!(state.0.as_ptr(), "xrstor64 [{}]", "fxrstor64 [{}]")
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
