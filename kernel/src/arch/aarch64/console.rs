//! The first serial port: a PL011 at the address that the device tree names.
//!
//! Until the tree was read nothing is printed; boot reads it before anything else.

use super::{ipi, machine};
use crate::percpu::PerCpu;

const DATA: u64 = 0x00;
const FLAGS: u64 = 0x18;
const LINE_CONTROL: u64 = 0x2c;
const CONTROL: u64 = 0x30;
const INTERRUPT_LEVEL: u64 = 0x34;
const INTERRUPT_MASK: u64 = 0x38;
const INTERRUPT_CLEAR: u64 = 0x44;

const TRANSMIT_FULL: u32 = 1 << 5;
const RECEIVE_EMPTY: u32 = 1 << 4;
/// Received bytes reached the level, or wait in a FIFO that nothing was added to.
const RECEIVE_INTERRUPTS: u32 = 1 << 4 | 1 << 6;

fn read(register: u64) -> u32 {
    // SAFETY: a register of the port, mapped as device memory.
    unsafe { ((machine::console() + register) as *const u32).read_volatile() }
}

fn write(register: u64, value: u32) {
    // SAFETY: a register of the port, mapped as device memory; the port does not touch memory.
    unsafe { ((machine::console() + register) as *mut u32).write_volatile(value) };
}

/// Sets 8 bits, FIFOs, no interrupts. The speed is the firmware's.
pub fn init() {
    if machine::console() == 0 {
        return;
    }
    write(CONTROL, 0);
    write(INTERRUPT_MASK, 0);
    write(INTERRUPT_CLEAR, 0x7ff);
    write(LINE_CONTROL, 0x70);
    write(CONTROL, 0x301);
}

/// Sends one byte, waiting for room.
pub fn put(byte: u8) {
    if machine::console() == 0 {
        return;
    }
    while read(FLAGS) & TRANSMIT_FULL != 0 {}
    write(DATA, u32::from(byte));
}

/// A received byte, if there is one.
pub fn get() -> Option<u8> {
    (machine::console() != 0 && read(FLAGS) & RECEIVE_EMPTY == 0).then(|| read(DATA) as u8)
}

/// Has received bytes raise `Interrupt::Device` on `cpu`.
pub fn enable_receive_interrupt(cpu: &PerCpu) {
    write(INTERRUPT_LEVEL, 0);
    write(INTERRUPT_MASK, RECEIVE_INTERRUPTS);
    let line = machine::devices().console_interrupt;
    ipi::route_irq(line, cpu);
    ipi::unmask(line);
}
