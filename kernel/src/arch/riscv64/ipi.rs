//! Interrupts between CPUs (SBI) and from devices (PLIC).
//!
//! A PLIC has a context per hart and mode; which one is a hart's supervisor
//! context stands in its `interrupts-extended`. With NUMA there may be several
//! PLICs, each for the harts of its node; the device lines that the kernel uses
//! are those of the first. A line interrupts one CPU, the one it is routed to.

use super::machine::{self, PLIC_LINES};
use crate::lock::{Rank, SpinLock};
use crate::machine::mmio::Mmio;
use crate::percpu::{CPUS, MAX_CPUS, PerCpu};
use sbi_rt::HartMask;

const ENABLE: u64 = 0x2000;
const ENABLE_STRIDE: u64 = 0x80;
const CONTEXT: u64 = 0x20_0000;
const CONTEXT_STRIDE: u64 = 0x1000;
const CLAIM: u64 = 4;

/// The PLIC's registers.
pub(super) static PLIC: Mmio = Mmio::new();

/// Which CPU each line interrupts.
static ROUTES: SpinLock<[u8; PLIC_LINES]> = SpinLock::new(Rank::Interrupts, [0; PLIC_LINES]);

/// The supervisor context of a CPU, if the PLIC serves it.
fn context(cpu: usize) -> Option<u64> {
    let there = PLIC.base() != 0 && cpu < MAX_CPUS;
    there.then(|| machine::plic_context(CPUS[cpu].hardware_id.get()))?
}

/// Every line gets a priority at which it can interrupt; which ones do is decided by `unmask`.
pub fn init_boot() {
    if context(0).is_some() {
        (1..PLIC_LINES as u64).for_each(|line| PLIC.write(4 * line, 1u32));
    }
}

/// Opens this CPU's context, with every line closed.
pub fn init_cpu() {
    if let Some(context) = context(super::cpu::current().number()) {
        (0..PLIC_LINES as u64 / 32)
            .for_each(|word| PLIC.write(ENABLE + context * ENABLE_STRIDE + 4 * word, 0u32));
        PLIC.write(CONTEXT + context * CONTEXT_STRIDE, 0u32);
    }
}

/// Interrupts another CPU; why stands in its record.
pub fn send(cpu: &PerCpu) {
    let hart = cpu.hardware_id.get() as usize;
    let sent = sbi_rt::send_ipi(HartMask::from_mask_base(1, hart));
    debug_assert!(sent.is_ok(), "IPI to hart {hart}: {sent:?}");
}

/// Withdraws the interrupt that `send` raised on this CPU.
pub(super) fn acknowledge() {
    // SAFETY: clears this hart's own pending bit.
    unsafe { core::arch::asm!("csrci sip, 2", options(nostack)) };
}

/// Which line interrupts this CPU. The line is completed and masked: its driver unmasks it.
pub(super) fn take() -> Option<u32> {
    let claim = CONTEXT + context(super::cpu::current().number())? * CONTEXT_STRIDE + CLAIM;
    let line = PLIC.read(claim);
    if line == 0 {
        return None;
    }
    // A completion counts only while the line is enabled, so masking comes second.
    PLIC.write(claim, line);
    mask(line);
    Some(line)
}

/// Makes a line interrupt this CPU and no other, once it is unmasked.
pub fn route_irq(line: u32, cpu: &PerCpu) {
    mask(line);
    if let Some(route) = ROUTES.lock().get_mut(line as usize) {
        *route = cpu.number() as u8;
    }
}

/// Holds a line back.
pub fn mask(line: u32) {
    set_enabled(line, false);
}

/// Lets a line interrupt the CPU it is routed to.
pub fn unmask(line: u32) {
    set_enabled(line, true);
}

fn set_enabled(line: u32, open: bool) {
    let routes = ROUTES.lock();
    let cpu = routes.get(line as usize).map(|cpu| usize::from(*cpu));
    let Some(context) = cpu.and_then(context) else {
        return;
    };
    let word = ENABLE + context * ENABLE_STRIDE + u64::from(line / 32) * 4;
    let bit = 1 << (line % 32);
    let others = PLIC.read::<u32>(word) & !bit;
    PLIC.write(word, if open { others | bit } else { others });
    // Some models look at lines that are pending already only when the threshold is written.
    PLIC.write(CONTEXT + context * CONTEXT_STRIDE, 0u32);
}
