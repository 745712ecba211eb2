//! The CPU itself: identity, features, control registers.

use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count, _rdtsc};
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use super::descriptors::{KERNEL_CODE, SYSRET_BASE};
use super::{context, traps};
use crate::percpu::PerCpu;

/// Name of the architecture.
pub const NAME: &str = "x86_64";
/// Machine number of ELF files for this architecture (`e_machine`, System V ABI).
pub const ELF_MACHINE: u16 = 62;
/// Where a frame record (caller's frame pointer, return address) lies from the frame pointer.
pub const FRAME_RECORD: i64 = 0;

const MSR_EFER: u32 = 0xc000_0080;
const MSR_STAR: u32 = 0xc000_0081;
const MSR_LSTAR: u32 = 0xc000_0082;
const MSR_SFMASK: u32 = 0xc000_0084;
pub(super) const MSR_FS_BASE: u32 = 0xc000_0100;
pub(super) const MSR_GS_BASE: u32 = 0xc000_0101;
const MSR_KERNEL_GS_BASE: u32 = 0xc000_0102;
const EFER_SYSCALL: u64 = 1;

/// Monitor coprocessor, numeric error, write protection in kernel mode.
const CR0_ON: u64 = 1 << 1 | 1 << 5 | 1 << 16;
const CR0_EMULATE: u64 = 1 << 2;
pub(super) const CR0_TASK_SWITCHED: u64 = 1 << 3;
/// FXSAVE, and SSE exceptions.
const CR4_ON: u64 = 1 << 9 | 1 << 10;
pub(super) const CR4_PGE: u64 = 1 << 7;

/// What SYSCALL clears in RFLAGS: everything that could disturb the kernel (TF, IF, DF, IOPL, NT,
/// RF, AC).
const SYSCALL_MASK: u64 = 0x57700;

bitflags::bitflags! {
    /// Optional features that the kernel uses.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Features: u32 {
        /// No execution of user pages in kernel mode.
        const SMEP = 1;
        /// No access to user pages in kernel mode, unless opened.
        const SMAP = 1 << 1;
        /// No descriptor-table addresses for user mode.
        const UMIP = 1 << 2;
        /// Global pages.
        const PGE = 1 << 3;
        /// Address-space identifiers, with the instruction to flush one.
        const PCID = 1 << 4;
        /// Extended state save.
        const XSAVE = 1 << 5;
        /// 256-bit vectors.
        const AVX = 1 << 6;
        /// Timer that compares with the TSC.
        const TSC_DEADLINE = 1 << 7;
        /// Interrupt controller through MSRs, 32-bit ids.
        const X2APIC = 1 << 8;
        /// 1 GiB pages.
        const HUGE_PAGES = 1 << 9;
    }
}

/// Where CPUID says that a feature is there (word of `detect_features`, bit), and the bit of CR4
/// that turns it on, or 0.
const KNOWN: [(Features, usize, u32, u64); 10] = [
    (Features::SMEP, 2, 7, 1 << 20),
    (Features::SMAP, 2, 20, 1 << 21),
    (Features::UMIP, 3, 2, 1 << 11),
    (Features::PGE, 1, 13, CR4_PGE),
    (Features::PCID, 0, 17, 1 << 17),
    (Features::XSAVE, 0, 26, 1 << 18),
    (Features::AVX, 0, 28, 0),
    (Features::TSC_DEADLINE, 0, 24, 0),
    (Features::X2APIC, 0, 21, 0),
    (Features::HUGE_PAGES, 4, 26, 0),
];

static FEATURES: AtomicU32 = AtomicU32::new(0);

/// Whether this machine has all of `features`. All CPUs are taken to be alike.
#[inline]
pub fn has(features: Features) -> bool {
    FEATURES.load(Ordering::Relaxed) & features.bits() == features.bits()
}

/// Finds out what the CPU can do.
pub fn detect_features() {
    let basic = __cpuid(1);
    let more = (__cpuid(0).eax >= 7).then(|| __cpuid_count(7, 0));
    let (ebx7, ecx7) = more.map_or((0, 0), |more| (more.ebx, more.ecx));
    let words = [basic.ecx, basic.edx, ebx7, ecx7, __cpuid(0x8000_0001).edx];
    let mut found = Features::empty();
    KNOWN
        .iter()
        .for_each(|known| found.set(known.0, words[known.1] >> known.2 & 1 != 0));
    // PCIDs without the instruction that flushes one, and AVX without XSAVE, are of no use.
    found.set(
        Features::PCID,
        found.contains(Features::PCID) && ebx7 >> 10 & 1 != 0,
    );
    found.set(
        Features::AVX,
        found.contains(Features::AVX | Features::XSAVE),
    );
    FEATURES.store(found.bits(), Ordering::Relaxed);
}

/// The optional features in use, by name.
pub fn features_line() -> impl fmt::Display {
    struct Line(Features);
    impl fmt::Display for Line {
        fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
            let mut names = self.0.iter_names().map(|(name, _)| name);
            names.next().map_or(Ok(()), |name| f.write_str(name))?;
            names.try_for_each(|name| write!(f, " {name}"))
        }
    }
    Line(Features::from_bits_truncate(
        FEATURES.load(Ordering::Relaxed),
    ))
}

/// This CPU's local APIC id, without touching the APIC.
pub fn local_apic_id() -> u64 {
    if __cpuid(0).eax >= 11 && __cpuid_count(11, 0).ebx != 0 {
        return __cpuid_count(11, 0).edx.into();
    }
    (__cpuid(1).ebx >> 24).into()
}

/// This CPU's record.
#[inline(always)]
pub fn current() -> &'static PerCpu {
    let this: *const PerCpu;
    // SAFETY: GS points to this CPU's record from the first Rust instruction on, whose first field
    // is its own address; the record is static.
    unsafe {
        asm!("mov {}, gs:[0]", out(reg) this, options(pure, readonly, nostack, preserves_flags));
        &*this
    }
}

/// Makes `cpu` the record that `current` finds.
///
/// # Safety
/// The record must be this CPU's.
pub unsafe fn set_current(cpu: &'static PerCpu) {
    // SAFETY: only `current` and the entry code use the base, and they want exactly this.
    unsafe { write_msr(MSR_GS_BASE, core::ptr::from_ref(cpu) as u64) }
}

/// Reads a model-specific register.
#[inline]
pub fn read_msr(msr: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reading the registers that this kernel names has no side effect.
    unsafe {
        asm!("rdmsr", in("ecx") msr, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags))
    };
    u64::from(high) << 32 | u64::from(low)
}

/// Writes a model-specific register.
///
/// # Safety
/// The caller knows what the register does.
#[inline]
pub unsafe fn write_msr(msr: u32, value: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("wrmsr", in("ecx") msr, in("eax") value as u32, in("edx") (value >> 32) as u32, options(nostack, preserves_flags))
    }
}

/// Sets this CPU up as the kernel wants it.
pub fn init_cpu() {
    let optional = KNOWN
        .iter()
        .filter(|known| has(known.0))
        .map(|known| known.3);
    let cr4 = optional.fold(read_cr4() | CR4_ON, |cr4, bit| cr4 | bit);
    // SAFETY: each bit is set only where the CPU has the feature, and the kernel is written for
    // all of them; the current root has PCID 0, as CR4.PCIDE wants.
    unsafe {
        write_cr4(cr4);
        write_cr0(read_cr0() & !CR0_EMULATE | CR0_ON | CR0_TASK_SWITCHED);
    }
    context::init_cpu();
    // SAFETY: the system-call registers get the kernel's selectors and entry; the user's GS base
    // is 0 and stays so, since user mode cannot change it.
    unsafe {
        write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SYSCALL);
        write_msr(
            MSR_STAR,
            u64::from(SYSRET_BASE) << 48 | u64::from(KERNEL_CODE) << 32,
        );
        write_msr(MSR_LSTAR, traps::syscall_entry_address());
        write_msr(MSR_SFMASK, SYSCALL_MASK);
        write_msr(MSR_KERNEL_GS_BASE, 0);
        write_msr(MSR_FS_BASE, 0);
    }
    current().scratch[1].set(0);
}

macro_rules! control_register {
    ($name:literal, $read:ident, $write:ident) => {
        /// Reads a control register.
        #[inline]
        pub fn $read() -> u64 {
            let value;
            // SAFETY: reading has no side effect.
            unsafe {
                asm!(concat!("mov {}, ", $name), out(reg) value, options(nomem, nostack, preserves_flags))
            };
            value
        }

        /// Writes a control register.
        ///
        /// # Safety
        /// The value must be what the kernel is written for.
        #[inline]
        pub unsafe fn $write(value: u64) {
            // SAFETY: the caller's promise.
            unsafe {
                asm!(concat!("mov ", $name, ", {}"), in(reg) value, options(nostack, preserves_flags))
            }
        }
    };
}
control_register!("cr0", read_cr0, write_cr0);
control_register!("cr3", read_cr3, write_cr3);
control_register!("cr4", read_cr4, write_cr4);

/// Whether interrupts may happen now.
#[inline]
pub fn interrupts_enabled() -> bool {
    let flags: u64;
    // SAFETY: pushes and pops one word on the own stack.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(nomem, preserves_flags)) };
    flags & 1 << 9 != 0
}

/// Turns interrupts off.
#[inline]
pub fn interrupts_disable() {
    // SAFETY: with interrupts off less can happen, not more.
    unsafe { asm!("cli", options(nostack)) }
}

/// Turns interrupts on. `sti` holds them off for one more instruction, which is here.
#[inline]
pub fn interrupts_enable() {
    // SAFETY: the interrupt descriptors are loaded before the first caller runs.
    unsafe { asm!("sti", "nop", options(nostack)) }
}

/// Halts until an interrupt has been handled. Called and returns with interrupts off; one that is
/// already pending is not missed, since `sti` takes effect only after `hlt` has begun.
#[inline]
pub fn wait_for_interrupt() {
    // SAFETY: handlers return here and preserve what this code uses.
    unsafe { asm!("sti", "hlt", "cli", options(nostack)) }
}

/// A pause in a waiting loop.
#[inline]
pub fn relax() {
    core::hint::spin_loop();
}

/// Executed instructions under QEMU's `-icount shift=0`, where the TSC counts exactly these.
#[inline]
pub fn instructions() -> u64 {
    // SAFETY: every CPU of this architecture has the instruction.
    unsafe { _rdtsc() }
}

/// Zeroes a page.
///
/// # Safety
/// `page` is a whole page of memory that the caller owns.
#[inline]
pub unsafe fn clear_page(page: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("rep stosq", inout("rdi") page => _, inout("rcx") 512u64 => _, in("rax") 0, options(nostack, preserves_flags))
    }
}

/// Instruction fetches see stores without help on this architecture.
pub fn sync_instruction_cache(_address: u64, _length: usize) {}

/// The frame pointer of the caller's frame.
#[inline(always)]
pub fn frame_pointer() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}
