//! A stopped thread's registers, and the ways back into user mode.
//!
//! A thread that made a system call left the caller-saved registers to the kernel, so its frame
//! holds only the preserved ones and the results that it will see (`SYSCALL`); it returns by
//! SYSRET. One that was interrupted or faulted has everything saved (`FULL`) and returns by IRET.
//! Invariant: the `rip` of a frame is canonical and its `rflags` came from user mode, so neither
//! return can fault in the kernel.

use core::arch::x86_64::__cpuid_count;
use core::arch::{asm, global_asm};
use core::fmt;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering};

use super::cpu::{self, Features, MSR_FS_BASE};
use super::descriptors::{self, USER_CODE, USER_DATA};
use crate::Thread;
use crate::arch::layout::USER_END;

const SYSCALL: u64 = 0;
const FULL: u64 = 1;
/// Interrupts on, and the bit that is always set.
const USER_FLAGS: u64 = 0x202;

/// User registers of a stopped thread; the first field of `Thread`.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct Frame {
    pub(super) rax: u64,
    pub(super) rbx: u64,
    pub(super) rcx: u64,
    pub(super) rdx: u64,
    pub(super) rsi: u64,
    pub(super) rdi: u64,
    pub(super) rbp: u64,
    pub(super) r8: u64,
    pub(super) r9: u64,
    pub(super) r10: u64,
    pub(super) r11: u64,
    pub(super) r12: u64,
    pub(super) r13: u64,
    pub(super) r14: u64,
    pub(super) r15: u64,
    pub(super) rip: u64,
    pub(super) rflags: u64,
    pub(super) rsp: u64,
    tls: u64,
    pub(super) kind: u64,
}

impl Frame {
    /// The start of a thread: everything zero but pc, stack and the first argument.
    pub const fn user(entry: u64, sp: u64, argument: u64) -> Self {
        Frame {
            rax: 0,
            rbx: 0,
            rcx: 0,
            rdx: 0,
            rsi: 0,
            rdi: argument,
            rbp: 0,
            r8: 0,
            r9: 0,
            r10: 0,
            r11: 0,
            r12: 0,
            r13: 0,
            r14: 0,
            r15: 0,
            rip: if entry < USER_END { entry } else { USER_END },
            rflags: USER_FLAGS,
            rsp: sp,
            tls: 0,
            kind: FULL,
        }
    }

    /// Program counter.
    pub fn pc(&self) -> u64 {
        self.rip
    }

    /// Sets the program counter; one outside user space becomes one that faults.
    pub fn set_pc(&mut self, pc: u64) {
        self.rip = pc.min(USER_END);
    }

    /// Stack pointer.
    pub fn sp(&self) -> u64 {
        self.rsp
    }

    /// Sets the stack pointer.
    pub fn set_sp(&mut self, sp: u64) {
        self.rsp = sp;
    }

    /// Thread pointer (FS base).
    pub fn tls(&self) -> u64 {
        self.tls
    }

    /// Sets the thread pointer; `activate_tls` brings it into effect. One outside user space
    /// becomes its end, since the CPU refuses addresses that are not canonical.
    pub fn set_tls(&mut self, tls: u64) {
        self.tls = tls.min(USER_END);
    }

    /// Makes this thread's pointer the CPU's.
    #[inline(always)]
    pub fn activate_tls(&self) {
        // scratch[1] is the FS base that is loaded; user mode cannot change it.
        let loaded = &cpu::current().scratch[1];
        if loaded.get() != self.tls {
            loaded.set(self.tls);
            // SAFETY: `set_tls` lets only canonical addresses in.
            unsafe { cpu::write_msr(MSR_FS_BASE, self.tls) };
        }
    }

    /// Whether the thread stopped in a system call.
    pub fn in_system_call(&self) -> bool {
        self.kind == SYSCALL
    }

    /// What the system call returns: status, value, words 0 to 3; missing ones are zero.
    pub fn set_results(&mut self, results: &[u64]) {
        let result = |i| results.get(i).copied().unwrap_or(0);
        [self.rax, self.rsi, self.rdx] = [0, 1, 2].map(result);
        [self.r10, self.r8, self.r9] = [3, 4, 5].map(result);
    }

    /// Every register by name. In a system call the caller-saved ones are not meaningful.
    pub fn registers(&self) -> [(&'static str, u64); 19] {
        [
            ("rax", self.rax),
            ("rbx", self.rbx),
            ("rcx", self.rcx),
            ("rdx", self.rdx),
            ("rsi", self.rsi),
            ("rdi", self.rdi),
            ("rbp", self.rbp),
            ("rsp", self.rsp),
            ("r8", self.r8),
            ("r9", self.r9),
            ("r10", self.r10),
            ("r11", self.r11),
            ("r12", self.r12),
            ("r13", self.r13),
            ("r14", self.r14),
            ("r15", self.r15),
            ("rip", self.rip),
            ("rflags", self.rflags),
            ("fs", self.tls),
        ]
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.registers().chunks(4).try_for_each(|row| {
            row.iter()
                .try_for_each(|(name, value)| write!(f, "  {name:>6} {value:016x}"))?;
            f.write_str("\n")
        })
    }
}

/// Offset of a frame's field, for entry code.
macro_rules! offset {
    ($field:ident) => {
        core::mem::offset_of!($crate::arch::context::Frame, $field)
    };
}
pub(super) use offset;

global_asm!(
    r#"
.section .text
# rdi = frame, on any kernel stack, gs = kernel's
.global resume_frame
resume_frame:
    cmp qword ptr [rdi + {kind}], {SYSCALL}
    jne resume_full
    mov rbx, [rdi + {rbx}]
    mov rbp, [rdi + {rbp}]
    mov r12, [rdi + {r12}]
    mov r13, [rdi + {r13}]
    mov r14, [rdi + {r14}]
    mov r15, [rdi + {r15}]
    mov rax, [rdi + {rax}]
    mov rsi, [rdi + {rsi}]
    mov rdx, [rdi + {rdx}]
    mov r10, [rdi + {r10}]
    mov r8, [rdi + {r8}]
    mov r9, [rdi + {r9}]
    mov rcx, [rdi + {rip}]
    mov r11, [rdi + {rflags}]
    mov rsp, [rdi + {rsp}]
    xor edi, edi
    swapgs
    sysretq
.global resume_full
resume_full:
    mov rsp, gs:[8]
    push {USER_DATA}
    push [rdi + {rsp}]
    push [rdi + {rflags}]
    push {USER_CODE}
    push [rdi + {rip}]
    mov rax, [rdi + {rax}]
    mov rbx, [rdi + {rbx}]
    mov rcx, [rdi + {rcx}]
    mov rdx, [rdi + {rdx}]
    mov rsi, [rdi + {rsi}]
    mov rbp, [rdi + {rbp}]
    mov r8, [rdi + {r8}]
    mov r9, [rdi + {r9}]
    mov r10, [rdi + {r10}]
    mov r11, [rdi + {r11}]
    mov r12, [rdi + {r12}]
    mov r13, [rdi + {r13}]
    mov r14, [rdi + {r14}]
    mov r15, [rdi + {r15}]
    mov rdi, [rdi + {rdi}]
    swapgs
    iretq
"#,
    kind = const offset_of!(Frame, kind),
    rax = const offset_of!(Frame, rax),
    rbx = const offset_of!(Frame, rbx),
    rcx = const offset_of!(Frame, rcx),
    rdx = const offset_of!(Frame, rdx),
    rsi = const offset_of!(Frame, rsi),
    rdi = const offset_of!(Frame, rdi),
    rbp = const offset_of!(Frame, rbp),
    r8 = const offset_of!(Frame, r8),
    r9 = const offset_of!(Frame, r9),
    r10 = const offset_of!(Frame, r10),
    r11 = const offset_of!(Frame, r11),
    r12 = const offset_of!(Frame, r12),
    r13 = const offset_of!(Frame, r13),
    r14 = const offset_of!(Frame, r14),
    r15 = const offset_of!(Frame, r15),
    rip = const offset_of!(Frame, rip),
    rflags = const offset_of!(Frame, rflags),
    rsp = const offset_of!(Frame, rsp),
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
    unsafe { resume_frame(thread.cast()) }
}

/// Enters user mode as `thread`, which is stopped in a system call, with these results, none of
/// which goes through memory.
///
/// # Safety
/// As for `resume`, and the frame is that of a system call.
#[inline(always)]
pub unsafe fn resume_message(thread: *mut Thread, status: u64, value: u64, words: [u64; 4]) -> ! {
    cpu::current().current.set(thread);
    // SAFETY: the caller's promise; the registers that the code does not load are results.
    unsafe {
        asm!(
            "mov rbx, [rdi + {rbx}]",
            "mov rbp, [rdi + {rbp}]",
            "mov r12, [rdi + {r12}]",
            "mov r13, [rdi + {r13}]",
            "mov r14, [rdi + {r14}]",
            "mov r15, [rdi + {r15}]",
            "mov rcx, [rdi + {rip}]",
            "mov r11, [rdi + {rflags}]",
            "mov rsp, [rdi + {rsp}]",
            "xor edi, edi",
            "swapgs",
            "sysretq",
            rbx = const offset_of!(Frame, rbx),
            rbp = const offset_of!(Frame, rbp),
            r12 = const offset_of!(Frame, r12),
            r13 = const offset_of!(Frame, r13),
            r14 = const offset_of!(Frame, r14),
            r15 = const offset_of!(Frame, r15),
            rip = const offset_of!(Frame, rip),
            rflags = const offset_of!(Frame, rflags),
            rsp = const offset_of!(Frame, rsp),
            in("rdi") thread,
            in("rax") status,
            in("rsi") value,
            in("rdx") words[0],
            in("r10") words[1],
            in("r8") words[2],
            in("r9") words[3],
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

/// x87, SSE and, where the CPU has XSAVE, AVX.
const XSTATE: u32 = 0b111;
static ENABLED_STATE: AtomicU32 = AtomicU32::new(0);

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
    let state = XSTATE
        & if cpu::has(Features::AVX) {
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
    ENABLED_STATE.store(state, Ordering::Relaxed);
}

/// Stores the CPU's floating-point registers.
///
/// # Safety
/// The FPU is enabled.
pub unsafe fn fpu_save(state: &mut FpuState) {
    let area = state.bytes.as_mut_ptr();
    // SAFETY: the area is large and aligned enough, checked in `init_cpu`.
    unsafe {
        match ENABLED_STATE.load(Ordering::Relaxed) {
            0 => asm!("fxsave64 [{}]", in(reg) area, options(nostack, preserves_flags)),
            parts => {
                asm!("xsave64 [{}]", in(reg) area, in("eax") parts, in("edx") 0, options(nostack, preserves_flags))
            }
        }
    }
}

/// Loads the CPU's floating-point registers.
///
/// # Safety
/// The FPU is enabled.
pub unsafe fn fpu_restore(state: &FpuState) {
    let area = state.bytes.as_ptr();
    // SAFETY: the area was written by `fpu_save` or `FpuState::new`, so its header is valid.
    unsafe {
        match ENABLED_STATE.load(Ordering::Relaxed) {
            0 => asm!("fxrstor64 [{}]", in(reg) area, options(nostack, preserves_flags)),
            parts => {
                asm!("xrstor64 [{}]", in(reg) area, in("eax") parts, in("edx") 0, options(nostack, preserves_flags))
            }
        }
    }
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
    unsafe {
        asm!("mov {0}, cr0", "or {0}, 8", "mov cr0, {0}", out(reg) _, options(nostack));
    }
}
