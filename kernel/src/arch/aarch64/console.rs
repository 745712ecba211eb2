//! The first serial port: a PL011 at the address that the device tree names.
//!
//! Until the tree was read nothing is printed; boot reads it before anything else.

use super::{ipi, machine};
use crate::machine::mmio::Mmio;
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

/// The port's registers.
pub(super) static PORT: Mmio = Mmio::new();

/// Sets 8 bits, FIFOs, no interrupts. The speed is the firmware's.
pub fn init() {
    if PORT.base() == 0 {
        return;
    }
    PORT.write(CONTROL, 0u32);
    PORT.write(INTERRUPT_MASK, 0u32);
    PORT.write(INTERRUPT_CLEAR, 0x7ffu32);
    PORT.write(LINE_CONTROL, 0x70u32);
    PORT.write(CONTROL, 0x301u32);
}

/// Sends one byte, waiting for room.
pub fn put(byte: u8) {
    if PORT.base() != 0 {
        while PORT.read::<u32>(FLAGS) & TRANSMIT_FULL != 0 {}
        PORT.write(DATA, u32::from(byte));
    }
}

/// A received byte, if there is one.
pub fn get() -> Option<u8> {
    let there = PORT.base() != 0 && PORT.read::<u32>(FLAGS) & RECEIVE_EMPTY == 0;
    there.then(|| PORT.read::<u32>(DATA) as u8)
}

/// Has received bytes raise `Interrupt::Device` on `cpu`.
pub fn enable_receive_interrupt(cpu: &PerCpu) {
    PORT.write(INTERRUPT_LEVEL, 0u32);
    PORT.write(INTERRUPT_MASK, RECEIVE_INTERRUPTS);
    let line = machine::devices().console_interrupt;
    ipi::route_irq(line, cpu);
    ipi::unmask(line);
}
