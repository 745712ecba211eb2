//! From the first Rust instruction to the first process.

use crate::machine::{MachineInfo, set_machine};
use crate::percpu::PerCpu;
use crate::{arch, println};

/// Starts the kernel on the boot CPU. Entry code calls it on a proper stack, with `current()` set
/// to `CPUS[0]` and interrupts off; `boot_arg` is what the loader handed over.
pub fn start(boot_arg: u64) -> ! {
    arch::console::init();
    let mut info = MachineInfo::new();
    arch::machine::discover(boot_arg, &mut info);
    let machine = set_machine(info);
    println!("veridian: {} with {} CPUs", arch::cpu::NAME, machine.cpus.as_slice().len());
    arch::power::exit(0)
}

/// Continues on a CPU that was just started.
pub fn start_secondary(_cpu: &'static PerCpu) -> ! {
    arch::power::stop_this_cpu()
}
