//! Serial console: the machine's 16550, and before it is known the firmware's.

use super::{ipi, machine};
use crate::machine::mmio::Mmio;
use crate::percpu::PerCpu;

/// The UART's registers.
pub(super) static UART: Mmio = Mmio::new();

const DATA: u64 = 0;
const INTERRUPT_ENABLE: u64 = 1;
const LINE_STATUS: u64 = 5;
const RECEIVED: u8 = 1;
const ROOM_TO_SEND: u8 = 1 << 5;
const ALL_SENT: u8 = 1 << 6;

/// Nothing to prepare: the firmware has set up the UART.
pub fn init() {}

fn status() -> u8 {
    UART.read(LINE_STATUS)
}

/// Writes one byte, waiting for room.
pub fn put(byte: u8) {
    if UART.base() == 0 {
        // The newer console call is not in every firmware.
        #[allow(deprecated)]
        sbi_rt::legacy::console_putchar(byte.into());
        return;
    }
    while status() & ROOM_TO_SEND == 0 {}
    UART.write(DATA, byte);
}

/// Waits until everything written has left.
pub(super) fn flush() {
    while UART.base() != 0 && status() & ALL_SENT == 0 {}
}

/// The next received byte, if there is one.
pub fn get() -> Option<u8> {
    let received = UART.base() != 0 && status() & RECEIVED != 0;
    received.then(|| UART.read(DATA))
}

/// Has received bytes raise `Interrupt::Device` on `cpu`.
pub fn enable_receive_interrupt(cpu: &PerCpu) {
    if let Some(irq) = machine::found().uart_line {
        UART.write(INTERRUPT_ENABLE, RECEIVED);
        ipi::route_irq(irq, cpu);
        ipi::unmask(irq);
    }
}

/// Makes the UART interrupt whenever it has room to send, which is a device interrupt at will.
#[cfg(feature = "ktest")]
pub(super) fn enable_transmit_interrupt(on: bool) -> Option<u32> {
    UART.write(INTERRUPT_ENABLE, if on { 1u8 << 1 } else { 0 });
    machine::found().uart_line
}
