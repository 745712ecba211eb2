//! CPUs on and off, and the end of the machine.

pub use super::chosen::power::*;
use super::cpu;

/// Ends the machine with this exit status: the framed line from which the host learns it, then
/// whatever the machine has to switch it off.
pub fn exit(code: u8) -> ! {
    cpu::interrupts_disable();
    crate::console::force(format_args!("veridian-exit: {code}\n"));
    off(code);
    loop {
        cpu::halt();
    }
}
