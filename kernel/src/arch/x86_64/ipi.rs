//! Interrupt controllers: the local APIC (xAPIC or x2APIC) and the I/O APIC.

use x86_64::instructions::port::Port;
use x86_64::registers::model_specific::Msr;

use super::cpu::{self, Features};
use super::machine;
use super::traps::{DEVICE_VECTOR, IPI_VECTOR, SPURIOUS_VECTOR};
use crate::lock::{Rank, SpinLock};
use crate::machine::mmio::Mmio;
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

/// The local APIC's registers, on every CPU its own.
pub(super) static LOCAL: Mmio = Mmio::new();
/// The I/O APIC's registers: a write selects, a second one acts, both under `IO_SELECTED`.
pub(super) static IO: Mmio = Mmio::new();
static IO_SELECTED: SpinLock<()> = SpinLock::new(Rank::Interrupts, ());

/// Reads a local APIC register, by its memory-mapped offset.
pub(super) fn read(register: u32) -> u32 {
    if cpu::has(Features::X2APIC) {
        // SAFETY: reading the APIC's registers has no side effect.
        return unsafe { Msr::new(MSR_X2APIC + (register >> 4)).read() as u32 };
    }
    LOCAL.read(register.into())
}

/// Writes a local APIC register, by its memory-mapped offset.
pub(super) fn write(register: u32, value: u32) {
    if cpu::has(Features::X2APIC) {
        // SAFETY: the local APIC does not touch memory.
        return unsafe { Msr::new(MSR_X2APIC + (register >> 4)).write(value.into()) };
    }
    LOCAL.write(register.into(), value);
}

/// Retires the old controllers and masks every line.
pub fn init_boot() {
    for old in [0x21, 0xa1] {
        // SAFETY: masks all lines of an 8259 controller, which nobody uses.
        unsafe { Port::new(old).write(0xffu8) };
    }
    let inputs = io_access(1, None) >> 16 & 0xff;
    (0..=inputs).for_each(|input| write_line(input, MASKED, 0));
}

/// Enables this CPU's local APIC.
pub fn init_cpu() {
    let mut base = Msr::new(MSR_APIC_BASE);
    let x2apic = u64::from(cpu::has(Features::X2APIC)) * X2APIC_ENABLE;
    // SAFETY: enabling the APIC in the mode that `read` and `write` expect.
    unsafe { base.write(base.read() | APIC_ENABLE | x2apic) };
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
    if cpu::has(Features::X2APIC) {
        let both = target << 32 | u64::from(command);
        // SAFETY: the local APIC does not touch memory. The fence makes stores visible before the
        // interrupt, which a write to this register alone does not.
        unsafe {
            core::arch::x86_64::_mm_mfence();
            Msr::new(MSR_X2APIC + (COMMAND >> 4)).write(both);
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
    let target = (cpu.hardware_id.get() as u32) << 24;
    write_line(input, DEVICE_VECTOR as u32 + line | flags, target);
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
    let _selected = IO_SELECTED.lock();
    let register = 0x10 + 2 * machine::interrupts().isa_line(line).0;
    io_access(register, Some(change(io_access(register, None))));
}

fn write_line(input: u32, low: u32, high: u32) {
    let _selected = IO_SELECTED.lock();
    io_access(0x11 + 2 * input, Some(high));
    io_access(0x10 + 2 * input, Some(low));
}

/// Reads a register of the I/O APIC, or writes it and returns what was written. The caller holds
/// the lock.
fn io_access(register: u32, value: Option<u32>) -> u32 {
    IO.write(0, register);
    match value {
        Some(value) => IO.write(0x10, value),
        None => return IO.read(0x10),
    }
    0
}

/// Whether a device line is masked.
#[cfg(feature = "ktest")]
pub(super) fn line_is_masked(line: u32) -> bool {
    let _selected = IO_SELECTED.lock();
    io_access(0x10 + 2 * machine::interrupts().isa_line(line).0, None) & MASKED != 0
}
