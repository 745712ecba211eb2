//! The first serial port (16550).

use x86_64::instructions::port::Port;

use super::ipi;
use crate::percpu::PerCpu;

const DATA: u16 = 0;
const INTERRUPT_ENABLE: u16 = 1;
const FIFO_CONTROL: u16 = 2;
const LINE_CONTROL: u16 = 3;
const MODEM_CONTROL: u16 = 4;
const LINE_STATUS: u16 = 5;
/// The port's line on the interrupt controller.
pub const LINE: u32 = 4;

fn read(register: u16) -> u8 {
    // SAFETY: the serial port does not touch memory, and only this module uses it.
    unsafe { Port::new(0x3f8 + register).read() }
}

fn write(register: u16, value: u8) {
    // SAFETY: as for `read`.
    unsafe { Port::new(0x3f8 + register).write(value) }
}

/// Sets 115200 baud, 8 bits, FIFOs, no interrupts.
pub fn init() {
    write(INTERRUPT_ENABLE, 0);
    write(LINE_CONTROL, 0x80);
    write(DATA, 1);
    write(INTERRUPT_ENABLE, 0);
    write(LINE_CONTROL, 3);
    write(FIFO_CONTROL, 7);
    write(MODEM_CONTROL, 0x0b);
}

/// Sends one byte, waiting for room.
pub fn put(byte: u8) {
    while read(LINE_STATUS) & 0x20 == 0 {}
    write(DATA, byte);
}

/// A received byte, if there is one.
pub fn get() -> Option<u8> {
    (read(LINE_STATUS) & 1 != 0).then(|| read(DATA))
}

/// Has received bytes raise `Interrupt::Device(LINE)` on `cpu`.
pub fn enable_receive_interrupt(cpu: &PerCpu) {
    write(INTERRUPT_ENABLE, 1);
    ipi::route_irq(LINE, cpu);
}
