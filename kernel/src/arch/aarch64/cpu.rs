//! The CPU itself: identity, interrupts, features, counters.

use core::arch::asm;

use super::{read_register, write_register};
use crate::percpu::PerCpu;

/// Name of the architecture.
pub const NAME: &str = "aarch64";
/// Machine number of ELF files for this architecture (`e_machine`, System V ABI).
pub const ELF_MACHINE: u16 = 183;

/// Where the record of caller and return address lies, from the frame pointer.
pub const FRAME_RECORD: i64 = 0;

/// M, C, SA, SA0, ITD, SED, EOS, I, DZE, UCT, nTWE, EIS, UCI and the bits that
/// are reserved as one: MMU, caches, stack alignment checks, and for user code
/// cache maintenance and line sizes, zeroing of cache lines, WFE. `SPAN` stays 0,
/// so that entering the kernel sets PAN where there is one.
pub const SCTLR: u64 = 0x3454_d99d;
/// What is writable is not executable.
pub const SCTLR_WXN: u64 = 1 << 19;

/// Executed-instruction counter: cycles, which are instructions under QEMU's `-icount shift=0`.
const PMU_CYCLES: u64 = 1 << 31;

/// This CPU's record.
#[inline(always)]
pub fn current() -> &'static PerCpu {
    let pointer: *const PerCpu;
    // SAFETY: reads a register that `set_current` wrote. Kernel code stays on its CPU, so the value
    // never changes under it.
    unsafe {
        asm!("mrs {}, tpidr_el1", out(reg) pointer, options(nomem, nostack, preserves_flags, pure))
    };
    // SAFETY: `set_current` stored a static record.
    unsafe { &*pointer }
}

/// Says which record is this CPU's.
///
/// # Safety
/// Once per start of a CPU, with the record that describes it.
pub unsafe fn set_current(cpu: &'static PerCpu) {
    // SAFETY: the caller vouches for it.
    unsafe { write_register!("tpidr_el1", core::ptr::from_ref(cpu).addr()) };
}

/// What the hardware calls this CPU: MPIDR without its flags, as the device tree has it.
pub fn hardware_id(_from_entry: u64) -> u64 {
    read_register!("mpidr_el1") & 0xff_00ff_ffff
}

/// Lets interrupts in.
#[inline]
pub fn interrupts_enable() {
    // SAFETY: whoever calls this is prepared for the handlers.
    unsafe { asm!("msr daifclr, #2", options(nostack)) };
}

/// Keeps interrupts out.
#[inline]
pub fn interrupts_disable() {
    // SAFETY: only delays interrupts.
    unsafe { asm!("msr daifset, #2", options(nostack)) };
}

/// Whether interrupts are let in.
#[inline]
pub fn interrupts_enabled() -> bool {
    read_register!("daif") & 1 << 7 == 0
}

/// Halts until an interrupt is there, lets it in, and returns with interrupts off. WFI wakes up
/// for a masked interrupt, so none is missed in between.
pub fn wait_for_interrupt() {
    // SAFETY: whoever calls this is prepared for the handlers.
    unsafe {
        asm!(
            "dsb sy; wfi; msr daifclr, #2; isb; msr daifset, #2",
            options(nostack)
        )
    };
}

/// Gives the other threads of this core, or the host, a chance.
#[inline]
pub fn relax() {
    // SAFETY: a hint.
    unsafe { asm!("yield", options(nomem, nostack, preserves_flags)) };
}

/// Stops until an interrupt that may be never.
#[inline]
pub fn halt() {
    // SAFETY: waits.
    unsafe { asm!("wfi", options(nomem, nostack, preserves_flags)) };
}

/// The frame pointer of the caller, for backtraces.
#[inline(always)]
pub fn frame_pointer() -> u64 {
    let value: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, x29", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Sets this CPU up: what user code may do, what traps, counters.
pub fn init_cpu() {
    // SAFETY: values for registers that this CPU has, in the meaning the comments give.
    unsafe {
        // FP and SIMD trap from user mode until the thread's state is there.
        write_register!("cpacr_el1", super::context::FPU_TRAPPED);
        // No hardware debugging of the kernel by the kernel.
        write_register!("mdscr_el1", 0);
        // User code reads the virtual counter and nothing else of the timers.
        write_register!("cntkctl_el1", 2);
        write_register!("tpidr_el0", 0);
        write_register!("tpidrro_el0", 0);
        write_pan(true);
        if has_counters() {
            write_register!("pmccfiltr_el0", 0);
            write_register!("pmcntenset_el0", PMU_CYCLES);
            // Enabled, 64 bits wide.
            write_register!("pmcr_el0", 1 | 1 << 6);
            // User code reads the counters and changes none.
            write_register!("pmuserenr_el0", 1 << 2 | 1 << 3);
        }
        asm!("isb", options(nostack, preserves_flags));
    }
}

/// Privileged access never: the kernel cannot touch user pages by accident.
pub fn has_pan() -> bool {
    read_register!("id_aa64mmfr1_el1") >> 20 & 0xf != 0
}

/// Sets or clears PAN where there is one. It is clear for no longer than one checked access takes.
#[inline]
pub fn write_pan(on: bool) {
    // SAFETY: the CPU has it. (The names need a newer assembler level.)
    unsafe {
        match on {
            _ if !has_pan() => {}
            true => asm!(".inst 0xd500419f", options(nostack, preserves_flags)),
            false => asm!(".inst 0xd500409f", options(nostack, preserves_flags)),
        }
    }
}

fn has_counters() -> bool {
    !matches!(read_register!("id_aa64dfr0_el1") >> 8 & 0xf, 0 | 0xf)
}

/// Instructions executed so far under `-icount shift=0`; else cycles, or timer ticks on a CPU
/// without counters.
#[cfg(feature = "ktest")]
#[inline(never)]
pub fn instructions() -> u64 {
    match has_counters() {
        true => read_register!("pmccntr_el0"),
        false => read_register!("cntvct_el0"),
    }
}

/// Fills a page with zeros.
///
/// # Safety
/// `page` is a whole page of normal memory that the caller owns.
pub unsafe fn clear_page(page: *mut u8) {
    let block = 4usize << (read_register!("dczid_el0") & 0xf);
    for at in (0..4096).step_by(block) {
        // SAFETY: blocks are powers of two up to 2 KiB, so they tile the caller's page.
        unsafe { asm!("dc zva, {}", in(reg) page.add(at), options(nostack, preserves_flags)) };
    }
}

/// Makes code written at `[address, address + length)` what the CPUs execute.
pub fn sync_instruction_cache(address: u64, length: usize) {
    let line = 4 << (read_register!("ctr_el0") >> 16 & 0xf);
    let lines = (address & !(line - 1)..address + length as u64).step_by(line as usize);
    // SAFETY: cache maintenance; the caller's range is mapped. All instructions are forgotten,
    // since other mappings of the page may be cached as well.
    unsafe {
        lines.for_each(|line| asm!("dc cvau, {}", in(reg) line, options(nostack, preserves_flags)));
        asm!(
            "dsb ish; ic ialluis; dsb ish; isb",
            options(nostack, preserves_flags)
        );
    }
}

/// Features in use, by name.
pub fn features() -> impl Iterator<Item = &'static str> {
    let lse = read_register!("id_aa64isar0_el1") >> 20 & 0xf != 0;
    let version_3 = super::ipi::is_version_3();
    let known = [
        version_3.then_some("gicv3"),
        (!version_3).then_some("gicv2"),
        has_pan().then_some("pan"),
        lse.then_some("lse"),
        has_counters().then_some("pmu"),
    ];
    known.into_iter().flatten()
}
