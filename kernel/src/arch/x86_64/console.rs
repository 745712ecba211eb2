//! The first serial port (16550).

use super::{ipi, port};
use crate::percpu::PerCpu;

const BASE: u16 = 0x3f8;
const DATA: u16 = BASE;
const INTERRUPT_ENABLE: u16 = BASE + 1;
const FIFO_CONTROL: u16 = BASE + 2;
const LINE_CONTROL: u16 = BASE + 3;
const MODEM_CONTROL: u16 = BASE + 4;
const LINE_STATUS: u16 = BASE + 5;
/// The port's line on the interrupt controller.
pub const LINE: u32 = 4;

/// Sets 115200 baud, 8 bits, FIFOs, no interrupts.
pub fn init() {
    let settings = [
        (INTERRUPT_ENABLE, 0),
        (LINE_CONTROL, 0x80),
        (DATA, 1),
        (INTERRUPT_ENABLE, 0),
        (LINE_CONTROL, 3),
        (FIFO_CONTROL, 7),
        (MODEM_CONTROL, 0x0b),
    ];
    for (register, value) in settings {
        // SAFETY: the serial port does not touch memory.
        unsafe { port::write_u8(register, value) };
    }
}

/// Sends one byte, waiting for room.
pub fn put(byte: u8) {
    // SAFETY: the serial port does not touch memory.
    unsafe {
        while port::read_u8(LINE_STATUS) & 0x20 == 0 {}
        port::write_u8(DATA, byte);
    }
}

/// A received byte, if there is one.
pub fn get() -> Option<u8> {
    // SAFETY: reading takes the byte out, and only this function does that.
    unsafe { (port::read_u8(LINE_STATUS) & 1 != 0).then(|| port::read_u8(DATA)) }
}

/// Has received bytes raise `Interrupt::Device(LINE)` on `cpu`.
pub fn enable_receive_interrupt(cpu: &PerCpu) {
    // SAFETY: the serial port does not touch memory.
    unsafe { port::write_u8(INTERRUPT_ENABLE, 1) };
    ipi::route_irq(LINE, cpu);
}
