//! Harts come and go, and the machine ends.

use super::{boot, console, cpu};
use crate::percpu::PerCpu;
use core::arch::asm;

/// Starts a stopped CPU, which continues in `crate::boot::start_secondary`; whether the firmware
/// does. Its record and its kernel stack must be ready.
pub fn start_cpu(cpu: &'static PerCpu) -> bool {
    let entry = boot::secondary_entry();
    sbi_rt::hart_start(cpu.hardware_id.get() as usize, entry as usize, 0).is_ok()
}

/// Gives this hart back to the firmware, which can start it again.
pub fn stop_this_cpu() -> ! {
    cpu::interrupts_disable();
    // SAFETY: no source may wake or reach a hart that is going.
    unsafe { asm!("csrw sie, zero", options(nostack)) };
    let refused = sbi_rt::hart_stop();
    panic!("the firmware does not stop this hart: {refused:?}");
}

/// Whether the firmware has the CPU stopped.
pub fn cpu_is_stopped(cpu: &PerCpu) -> bool {
    const STOPPED: usize = 1;
    sbi_rt::hart_get_status(cpu.hardware_id.get() as usize).ok() == Some(STOPPED)
}

/// Ends the machine through the firmware.
pub fn off(_code: u8) {
    console::flush();
    sbi_rt::system_reset(sbi_rt::Shutdown, sbi_rt::NoReason);
}
