//! Interrupt controllers: the local APIC (xAPIC or x2APIC) and the I/O APIC.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::cpu::{self, Features, read_msr, write_msr};
use super::traps::{DEVICE_VECTOR, IPI_VECTOR, SPURIOUS_VECTOR};
use super::{machine, port};
use crate::lock::{Rank, SpinLock};
use crate::percpu::PerCpu;

const MSR_APIC_BASE: u32 = 0x1b;
const MSR_X2APIC: u32 = 0x800;
const APIC_ENABLE: u64 = 1 << 11;
const X2APIC_ENABLE: u64 = 1 << 10;

const TASK_PRIORITY: u32 = 0x80;
const END_OF_INTERRUPT: u32 = 0xb0;
const SPURIOUS: u32 = 0xf0;
const ERROR_STATUS: u32 = 0x280;
const COMMAND: u32 = 0x300;
const COMMAND_HIGH: u32 = 0x310;
const LVT_LINT0: u32 = 0x350;
const LVT_LINT1: u32 = 0x360;
const MASKED: u32 = 1 << 16;
const DELIVERY_PENDING: u32 = 1 << 12;
const DELIVER_NMI: u32 = 4 << 8;
/// Software enable, in the spurious-vector register.
const SOFTWARE_ENABLE: u32 = 1 << 8;

static X2APIC: AtomicBool = AtomicBool::new(false);
/// Where the local APIC's registers are mapped.
static LOCAL: AtomicU64 = AtomicU64::new(0);
/// Where the I/O APIC's registers are mapped; a write selects, a second one acts.
static IO: SpinLock<u64> = SpinLock::new(Rank::Interrupts, 0);

/// Reads a local APIC register, by its memory-mapped offset.
pub(super) fn read(register: u32) -> u32 {
    if X2APIC.load(Ordering::Relaxed) {
        return read_msr(MSR_X2APIC + (register >> 4)) as u32;
    }
    // SAFETY: `remap` knows where the APIC's page is mapped; reads have no side effect.
    unsafe { ((LOCAL.load(Ordering::Relaxed) + u64::from(register)) as *const u32).read_volatile() }
}

/// Writes a local APIC register, by its memory-mapped offset.
pub(super) fn write(register: u32, value: u32) {
    if X2APIC.load(Ordering::Relaxed) {
        // SAFETY: the local APIC does not touch memory.
        return unsafe { write_msr(MSR_X2APIC + (register >> 4), value.into()) };
    }
    let address = LOCAL.load(Ordering::Relaxed) + u64::from(register);
    // SAFETY: `remap` knows where the APIC's page is mapped; the APIC does not touch memory.
    unsafe { (address as *mut u32).write_volatile(value) }
}

/// Says where the controllers' registers are mapped now.
pub(super) fn remap(local: u64, io: u64) {
    LOCAL.store(local, Ordering::Relaxed);
    *IO.lock() = io;
}

/// Retires the old controllers and masks every line.
pub fn init_boot() {
    X2APIC.store(cpu::has(Features::X2APIC), Ordering::Relaxed);
    // SAFETY: masks all lines of the two 8259 controllers, which nobody uses.
    unsafe {
        port::write_u8(0x21, 0xff);
        port::write_u8(0xa1, 0xff);
    }
    let inputs = io_access(*IO.lock(), 1, None) >> 16 & 0xff;
    (0..=inputs).for_each(|input| write_line(input, MASKED, 0));
}

/// Enables this CPU's local APIC.
pub fn init_cpu() {
    let x2apic = if X2APIC.load(Ordering::Relaxed) {
        X2APIC_ENABLE
    } else {
        0
    };
    // SAFETY: enabling the APIC in the mode that `read` and `write` expect.
    unsafe {
        write_msr(
            MSR_APIC_BASE,
            read_msr(MSR_APIC_BASE) | APIC_ENABLE | x2apic,
        )
    };
    write(SPURIOUS, SOFTWARE_ENABLE | SPURIOUS_VECTOR as u32);
    write(TASK_PRIORITY, 0);
    write(LVT_LINT0, MASKED);
    write(LVT_LINT1, DELIVER_NMI);
    write(ERROR_STATUS, 0);
}

/// Turns this CPU's local APIC off, for a CPU that stops.
pub(super) fn shut_down_cpu() {
    write(LVT_LINT1, MASKED);
    write(SPURIOUS, SPURIOUS_VECTOR as u32);
}

/// Tells the local APIC that the interrupt has been taken.
#[inline]
pub(super) fn end_of_interrupt() {
    write(END_OF_INTERRUPT, 0);
}

/// Interrupts another CPU.
pub fn send(cpu: &PerCpu) {
    command(cpu.hardware_id.get(), IPI_VECTOR as u32);
}

/// Sends a command (vector and delivery mode) to the CPU with this APIC id.
pub(super) fn command(target: u64, command: u32) {
    if X2APIC.load(Ordering::Relaxed) {
        // SAFETY: the local APIC does not touch memory. The fence makes stores visible before the
        // interrupt, which a write to this register alone does not.
        unsafe {
            core::arch::x86_64::_mm_mfence();
            write_msr(
                MSR_X2APIC + (COMMAND >> 4),
                target << 32 | u64::from(command),
            );
        }
        return;
    }
    while read(COMMAND) & DELIVERY_PENDING != 0 {
        cpu::relax();
    }
    write(COMMAND_HIGH, (target as u32) << 24);
    write(COMMAND, command);
}

/// Routes a device line to `cpu` and unmasks it. ISA lines go through the firmware's overrides.
pub fn route_irq(line: u32, cpu: &PerCpu) {
    let (input, flags) = machine::interrupts().isa_line(line);
    write_line(
        input,
        DEVICE_VECTOR as u32 + line | flags,
        (cpu.hardware_id.get() as u32) << 24,
    );
}

/// Masks a device line.
pub fn mask(line: u32) {
    change_line(line, |low| low | MASKED);
}

/// Unmasks a device line.
pub fn unmask(line: u32) {
    change_line(line, |low| low & !MASKED);
}

fn change_line(line: u32, change: impl Fn(u32) -> u32) {
    let base = IO.lock();
    let (input, _) = machine::interrupts().isa_line(line);
    let low = io_access(*base, 0x10 + 2 * input, None);
    io_access(*base, 0x10 + 2 * input, Some(change(low)));
}

fn write_line(input: u32, low: u32, high: u32) {
    let base = IO.lock();
    io_access(*base, 0x11 + 2 * input, Some(high));
    io_access(*base, 0x10 + 2 * input, Some(low));
}

/// Reads a register of the I/O APIC, or writes it; `base` is the content of `IO`, held locked.
fn io_access(base: u64, register: u32, value: Option<u32>) -> u32 {
    let (select, window) = (base as *mut u32, (base + 0x10) as *mut u32);
    // SAFETY: `remap` knows where the controller's page is mapped; the lock that the caller holds keeps the
    // selection; the controller does not touch memory.
    unsafe {
        select.write_volatile(register);
        match value {
            Some(value) => window.write_volatile(value),
            None => return window.read_volatile(),
        }
    }
    0
}

/// Whether a device line is masked.
#[cfg(feature = "ktest")]
pub(super) fn line_is_masked(line: u32) -> bool {
    let base = IO.lock();
    let (input, _) = machine::interrupts().isa_line(line);
    io_access(*base, 0x10 + 2 * input, None) & MASKED != 0
}
