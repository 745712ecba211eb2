//! Serial console: the machine's 16550, and before it is known the firmware's.

use super::{ipi, machine};
use crate::percpu::PerCpu;
use core::sync::atomic::{AtomicU64, Ordering};

/// Virtual address of the UART's registers; 0 until the device tree was read.
static UART: AtomicU64 = AtomicU64::new(0);

const DATA: u64 = 0;
const INTERRUPT_ENABLE: u64 = 1;
const LINE_STATUS: u64 = 5;
const RECEIVED: u8 = 1;
const ROOM_TO_SEND: u8 = 1 << 5;
const ALL_SENT: u8 = 1 << 6;

/// Nothing to prepare: the firmware has set up the UART.
pub fn init() {}

/// Says where the registers are, now or anew after they were mapped elsewhere.
pub(super) fn set_base(address: u64) {
    UART.store(address, Ordering::Release);
}

fn base() -> Option<u64> {
    Some(UART.load(Ordering::Acquire)).filter(|base| *base != 0)
}

fn read(base: u64, register: u64) -> u8 {
    // SAFETY: `base` is a mapped 16550; reading its registers affects only the UART.
    unsafe { ((base + register) as *const u8).read_volatile() }
}

fn write(base: u64, register: u64, value: u8) {
    // SAFETY: as for `read`.
    unsafe { ((base + register) as *mut u8).write_volatile(value) }
}

/// Writes one byte, waiting for room.
pub fn put(byte: u8) {
    let Some(base) = base() else {
        return super::sbi::put(byte);
    };
    while read(base, LINE_STATUS) & ROOM_TO_SEND == 0 {}
    write(base, DATA, byte);
}

/// Waits until everything written has left.
pub(super) fn flush() {
    if let Some(base) = base() {
        while read(base, LINE_STATUS) & ALL_SENT == 0 {}
    }
}

/// The next received byte, if there is one.
pub fn get() -> Option<u8> {
    let base = base()?;
    (read(base, LINE_STATUS) & RECEIVED != 0).then(|| read(base, DATA))
}

/// Has received bytes raise `Interrupt::Device` on `cpu`.
pub fn enable_receive_interrupt(cpu: &PerCpu) {
    if let (Some(irq), Some(base)) = (machine::uart_interrupt(), base()) {
        write(base, INTERRUPT_ENABLE, RECEIVED);
        ipi::route_irq(irq, cpu);
        ipi::unmask(irq);
    }
}

/// Makes the UART interrupt whenever it has room to send, which is a device interrupt at will.
#[cfg(feature = "ktest")]
pub(super) fn enable_transmit_interrupt(on: bool) -> Option<u32> {
    write(base()?, INTERRUPT_ENABLE, if on { 1 << 1 } else { 0 });
    machine::uart_interrupt()
}
