//! Time: the TSC for reading it, the local APIC for being woken.
//!
//! The TSC's rate comes from CPUID where the CPU or the hypervisor says it, and is measured
//! against the ACPI timer otherwise. QEMU's TSCs run in step on all CPUs. The APIC timer is armed with
//! TSC deadlines where the CPU has them, else with a count that was measured the same way.

use core::arch::x86_64::{__cpuid, _rdtsc};
use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::instructions::port::Port;

use super::cpu::{self, Features, write_msr};
use super::traps::TIMER_VECTOR;
use super::{ipi, machine};
use crate::arch::timer::scale;

const MSR_TSC_DEADLINE: u32 = 0x6e0;
const LVT_TIMER: u32 = 0x320;
const INITIAL_COUNT: u32 = 0x380;
const CURRENT_COUNT: u32 = 0x390;
const DIVIDE: u32 = 0x3e0;
const DIVIDE_BY_1: u32 = 0b1011;
const MASKED: u32 = 1 << 16;
const DEADLINE_MODE: u32 = 2 << 17;

/// Rate of the ACPI timer, which has 24 bits (ACPI 4.8.3.3).
const ACPI_HZ: u64 = 3_579_545;
/// Ticks of the ACPI timer over which rates are measured: about 10 ms.
const ACPI_SPAN: u64 = 35_795;

/// APIC ticks per TSC tick, as 32.32 fixed point.
static APIC_PER_TICK: AtomicU64 = AtomicU64::new(1 << 32);

/// The TSC.
#[inline]
pub fn counter() -> u64 {
    // SAFETY: every CPU of this architecture has the instruction.
    unsafe { _rdtsc() }
}

/// Rate of the TSC in Hz. Finds out that of the APIC, too; the boot CPU's is enabled.
pub fn counter_hz() -> u64 {
    ipi::write(DIVIDE, DIVIDE_BY_1);
    let [measured, apic_hz] = measure();
    let ratio = (u128::from(apic_hz) << 32) / u128::from(measured.max(1));
    APIC_PER_TICK.store(ratio as u64, Ordering::Relaxed);
    stated_tsc_hz().unwrap_or(measured)
}

/// Sets this CPU's timer up, disarmed.
pub fn init_cpu() {
    ipi::write(DIVIDE, DIVIDE_BY_1);
    let mode = u32::from(cpu::has(Features::TSC_DEADLINE)) * DEADLINE_MODE;
    ipi::write(LVT_TIMER, TIMER_VECTOR as u32 | mode);
    disarm();
}

/// Arms this CPU's timer for `left` ticks of the TSC after `counter`, or less where the APIC's own
/// counter is too short.
pub fn arm_ticks(counter: u64, left: u64) {
    if cpu::has(Features::TSC_DEADLINE) {
        // SAFETY: arms this CPU's timer, whose vector has a handler.
        return unsafe { write_msr(MSR_TSC_DEADLINE, counter + left) };
    }
    let count = scale(left, APIC_PER_TICK.load(Ordering::Relaxed)) + 1;
    ipi::write(INITIAL_COUNT, count.min(u64::from(u32::MAX)) as u32);
}

/// Cancels this CPU's deadline. An interrupt that is already pending may still come.
pub fn disarm() {
    if cpu::has(Features::TSC_DEADLINE) {
        // SAFETY: disarms this CPU's timer.
        return unsafe { write_msr(MSR_TSC_DEADLINE, 0) };
    }
    ipi::write(INITIAL_COUNT, 0);
}

/// The TSC's rate in Hz, if the CPU or the hypervisor says it.
fn stated_tsc_hz() -> Option<u64> {
    if __cpuid(0).eax >= 0x15 {
        let crystal = __cpuid(0x15);
        if crystal.eax != 0 && crystal.ebx != 0 && crystal.ecx != 0 {
            return Some(u64::from(crystal.ecx) * u64::from(crystal.ebx) / u64::from(crystal.eax));
        }
    }
    let virtualised = __cpuid(1).ecx >> 31 != 0;
    (virtualised && __cpuid(0x4000_0000).eax >= 0x4000_0010)
        .then(|| u64::from(__cpuid(0x4000_0010).eax) * 1000)
        .filter(|hz| *hz != 0)
}

/// Rates of the TSC and of the APIC timer in Hz. Measures until two spans agree to 1 in 1000, so
/// that a host that stopped this CPU in the middle of a reading does not spoil the clock; without
/// an ACPI timer, or if none agree, the last guess.
fn measure() -> [u64; 2] {
    let mut last = [1_000_000_000u64; 2];
    for _ in 0..10 {
        let Some(span) = measure_span() else { break };
        if (0..2).all(|i| last[i].abs_diff(span[i]) <= span[i] / 1000) {
            return span;
        }
        last = span;
    }
    last
}

/// Both rates over one span of the ACPI timer; None if there is none that counts.
fn measure_span() -> Option<[u64; 2]> {
    ipi::write(LVT_TIMER, MASKED);
    ipi::write(INITIAL_COUNT, u32::MAX);
    let start = sample()?;
    let mut ends = (0..1_000_000).filter_map(|_| sample());
    let passed = |end: &[u64; 4]| end[2].wrapping_sub(start[2]) & 0xff_ffff;
    let end = ends.find(|end| passed(end) >= ACPI_SPAN)?;
    let hz = |ticks: u64| ticks * ACPI_HZ / passed(&end);
    Some([hz(end[0] - start[0]), hz(start[1].saturating_sub(end[1]))])
}

/// TSC, APIC count (which goes down) and ACPI timer of one moment: of several readings the one
/// that took least time.
fn sample() -> Option<[u64; 4]> {
    let mut timer = Port::<u32>::new(machine::interrupts().timer_port?);
    let reading = |_| {
        let before = counter();
        // SAFETY: reading the ACPI timer changes nothing.
        let ticks = unsafe { timer.read() };
        let (apic, tsc) = (ipi::read(CURRENT_COUNT), counter());
        [tsc, apic.into(), ticks.into(), tsc - before]
    };
    (0..8).map(reading).min_by_key(|reading| reading[3])
}

/// How many nanoseconds of `now` pass in a second of the ACPI timer.
#[cfg(feature = "ktest")]
pub fn measured_clock_hz() -> Option<u64> {
    let [hz, _] = measure_span()?;
    init_cpu();
    Some(scale(hz, crate::arch::timer::tick()))
}
