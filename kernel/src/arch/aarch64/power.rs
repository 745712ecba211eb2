//! CPUs on and off through PSCI, and the end of the machine.

use core::arch::asm;

use super::{boot, cpu, machine};
use crate::arch::paging::leave_user;
use crate::percpu::PerCpu;

const CPU_OFF: u64 = 0x8400_0002;
const CPU_ON: u64 = 0xc400_0003;
const AFFINITY_INFO: u64 = 0xc400_0004;
const SYSTEM_OFF: u64 = 0x8400_0008;
const OFF: i64 = 1;
const SYS_EXIT_EXTENDED: u64 = 0x20;
const APPLICATION_EXIT: u64 = 0x2_0026;

/// Calls the firmware.
fn psci(function: u64, arguments: [u64; 3]) -> i64 {
    let result;
    // SAFETY: what the function does is up to the caller; the call itself clobbers what the
    // calling convention says.
    unsafe {
        asm!(
            "cbnz {by_smc:w}, 2f; hvc #0; b 3f; 2: smc #0; 3:",
            by_smc = in(reg) u32::from(machine::psci_by_smc()), inout("x0") function => result,
            in("x1") arguments[0], in("x2") arguments[1], in("x3") arguments[2], clobber_abi("C"),
        );
    }
    result
}

/// Starts a CPU that is off; whether the firmware does. Its record is described and has a stack.
pub fn start_cpu(cpu: &'static PerCpu) -> bool {
    let record = core::ptr::from_ref(cpu).addr() as u64;
    let arguments = [cpu.hardware_id.get(), boot::secondary_address(), record];
    psci(CPU_ON, arguments) == 0
}

/// Turns this CPU off; it comes back through `start_cpu` only.
pub fn stop_this_cpu() -> ! {
    cpu::interrupts_disable();
    super::ipi::leave_cpu();
    leave_user();
    psci(CPU_OFF, [0; 3]);
    loop {
        // The firmware refused: stay halted, with interrupts masked and none enabled.
        cpu::halt();
    }
}

/// Whether the firmware says that the CPU is off.
pub fn cpu_is_stopped(cpu: &PerCpu) -> bool {
    psci(AFFINITY_INFO, [cpu.hardware_id.get(), 0, 0]) == OFF
}

unsafe extern "C" {
    fn semihosting_call(operation: u64, argument: *const u64) -> u64;
}

/// Ends the machine. QEMU's own exit status is `code` where it offers semihosting, else 0.
pub fn off(code: u8) {
    let block = [APPLICATION_EXIT, u64::from(code)];
    // SAFETY: the operation reads the block. Without semihosting the instruction is undefined,
    // which the trap handler turns into a return.
    unsafe { semihosting_call(SYS_EXIT_EXTENDED, block.as_ptr()) };
    psci(SYSTEM_OFF, [0; 3]);
}
