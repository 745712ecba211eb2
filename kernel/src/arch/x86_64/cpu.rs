//! The CPU itself: identity, features, control registers.

use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count};
use core::sync::atomic::{AtomicU32, Ordering};

use x86_64::VirtAddr;
use x86_64::instructions::interrupts;
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags};
use x86_64::registers::model_specific::{Efer, EferFlags, FsBase, KernelGsBase, LStar, Msr};
use x86_64::registers::model_specific::{GsBase, SFMask, Star};
use x86_64::registers::rflags::RFlags;

use super::descriptors::{KERNEL_CODE, SYSRET_BASE};
use super::{context, traps};
use crate::percpu::PerCpu;

/// Name of the architecture.
pub const NAME: &str = "x86_64";
/// Machine number of ELF files for this architecture (`e_machine`, System V ABI).
pub const ELF_MACHINE: u16 = 62;
/// Where a frame record (caller's frame pointer, return address) lies from the frame pointer.
pub const FRAME_RECORD: i64 = 0;

pub(super) const MSR_FS_BASE: u32 = 0xc000_0100;
pub(super) const MSR_GS_BASE: u32 = 0xc000_0101;

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
/// that turns it on.
const KNOWN: [(Features, usize, u32, u64); 10] = [
    (Features::SMEP, 2, 7, 1 << 20),
    (Features::SMAP, 2, 20, 1 << 21),
    (Features::UMIP, 3, 2, 1 << 11),
    (Features::PGE, 1, 13, 1 << 7),
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
    let there = |known: &&(Features, usize, u32, u64)| words[known.1] >> known.2 & 1 != 0;
    let mut found: Features = KNOWN.iter().filter(there).map(|known| known.0).collect();
    // PCIDs without the instruction that flushes one, and AVX without XSAVE, are of no use.
    if ebx7 >> 10 & 1 == 0 {
        found.remove(Features::PCID);
    }
    if !found.contains(Features::XSAVE) {
        found.remove(Features::AVX);
    }
    FEATURES.store(found.bits(), Ordering::Relaxed);
}

/// The optional features in use, by name.
pub fn features() -> impl Iterator<Item = &'static str> {
    let found = Features::from_bits_truncate(FEATURES.load(Ordering::Relaxed));
    found.iter_names().map(|(name, _)| name)
}

/// This CPU's local APIC id, without touching the APIC.
pub fn hardware_id(_from_entry: u64) -> u64 {
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
    // Only `current` and the entry code use the base, and they want exactly this.
    GsBase::write(VirtAddr::from_ptr(cpu));
}

/// Writes a model-specific register.
///
/// # Safety
/// The caller knows what the register does.
#[inline]
pub unsafe fn write_msr(msr: u32, value: u64) {
    // SAFETY: the caller's promise.
    unsafe { Msr::new(msr).write(value) }
}

/// Sets this CPU up as the kernel wants it.
pub fn init_cpu() {
    let optional = KNOWN.iter().filter(|known| has(known.0));
    // SAFETY: each bit is set only where the CPU has the feature, and the kernel is written for
    // all of them; the current root has PCID 0, as CR4.PCIDE wants.
    unsafe {
        let sse = (Cr4Flags::OSFXSR | Cr4Flags::OSXMMEXCPT_ENABLE).bits();
        Cr4::write_raw(optional.fold(Cr4::read_raw() | sse, |cr4, known| cr4 | known.3));
        Cr0::update(|cr0| {
            cr0.remove(Cr0Flags::EMULATE_COPROCESSOR);
            *cr0 |= Cr0Flags::MONITOR_COPROCESSOR | Cr0Flags::NUMERIC_ERROR;
            *cr0 |= Cr0Flags::WRITE_PROTECT | Cr0Flags::TASK_SWITCHED;
        });
    }
    context::init_cpu();
    // SAFETY: the system-call registers get the kernel's selectors and entry.
    unsafe {
        Efer::update(|efer| efer.insert(EferFlags::SYSTEM_CALL_EXTENSIONS));
        Star::write_raw(SYSRET_BASE, KERNEL_CODE);
    }
    LStar::write(VirtAddr::new(traps::syscall_entry_address()));
    SFMask::write(RFlags::from_bits_retain(SYSCALL_MASK));
    // The user's GS base stays 0, since user mode cannot change it.
    KernelGsBase::write(VirtAddr::zero());
    FsBase::write(VirtAddr::zero());
    current().scratch[1].set(0);
}

/// Stops until an interrupt that may be never.
pub use x86_64::instructions::hlt as halt;

/// Whether interrupts may happen now, and turning them off.
pub use interrupts::{are_enabled as interrupts_enabled, disable as interrupts_disable};

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
pub use core::hint::spin_loop as relax;

/// Executed instructions under QEMU's `-icount shift=0`, where the TSC counts exactly these.
#[cfg(feature = "ktest")]
pub use super::timer::counter as instructions;

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
