//! Harts come and go, and the machine ends.

use super::{boot, console, cpu, machine, paging, sbi};
use crate::percpu::PerCpu;
use core::arch::asm;

/// A CPU did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartError;

/// Starts a stopped CPU, which continues in `crate::boot::start_secondary`. Its record and its
/// kernel stack must be ready.
pub fn start_cpu(cpu: &'static PerCpu) -> Result<(), StartError> {
    let entry = boot::secondary_entry(paging::empty_root());
    let started = sbi::hart_start(cpu.hardware_id.get(), entry, 0);
    started.map(drop).map_err(|_| StartError)
}

/// Gives this hart back to the firmware, which can start it again.
pub fn stop_this_cpu() -> ! {
    cpu::interrupts_disable();
    // SAFETY: no source may wake or reach a hart that is going.
    unsafe { asm!("csrw sie, zero", options(nostack)) };
    sbi::hart_stop();
    panic!("the firmware does not stop this hart");
}

/// Whether the firmware has the CPU stopped.
pub fn cpu_is_stopped(cpu: &PerCpu) -> bool {
    sbi::hart_status(cpu.hardware_id.get()) == Ok(1)
}

/// Ends the machine with a status, through QEMU's test device.
pub fn exit(code: u8) -> ! {
    crate::console::exit_line(code);
    console::flush();
    if let Some(finisher) = machine::finisher() {
        let value = if code == 0 {
            0x5555
        } else {
            u32::from(code) << 16 | 0x3333
        };
        // SAFETY: the device's one register; writing it ends the machine.
        unsafe { (finisher as *mut u32).write_volatile(value) };
    }
    loop {
        // SAFETY: interrupts are off, so the hart does nothing any more.
        unsafe { asm!("csrci sstatus, 2", "wfi", options(nostack)) };
    }
}
