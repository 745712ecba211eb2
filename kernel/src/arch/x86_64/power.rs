//! Starting and stopping CPUs, and ending the machine.

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering};

use x86_64::instructions::port::Port;

use super::{boot, cpu, ipi, timer};
use crate::arch::layout::PAGE_SIZE;
use crate::arch::timer::now;
use crate::lock;
use crate::percpu::{MAX_CPUS, PerCpu};

/// QEMU's isa-debug-exit device.
const EXIT_PORT: u16 = 0xf4;
const INIT: u32 = 0x4500;
const STARTUP: u32 = 0x4600;
/// How long a CPU may take from its start-up interrupt to its first instructions.
const START_TIMEOUT_NS: u64 = 1_000_000_000;

static STOPPED: [AtomicBool; MAX_CPUS] = [const { AtomicBool::new(false) }; MAX_CPUS];

/// Starts a CPU that has never run or has stopped; whether it came. Its record is complete, with a kernel stack.
/// One CPU at a time: the caller holds the hotplug lock.
pub fn start_cpu(cpu: &'static PerCpu) -> bool {
    boot::prepare_secondary(cpu);
    STOPPED[cpu.number()].store(false, Ordering::Relaxed);
    let target = cpu.hardware_id.get();
    ipi::command(target, INIT);
    wait(100_000, || false);
    // The second start-up interrupt is for CPUs that miss the first; it does nothing otherwise.
    let arrived = [10_000_000, START_TIMEOUT_NS].into_iter().any(|patience| {
        ipi::command(target, STARTUP | (boot::TRAMPOLINE / PAGE_SIZE) as u32);
        wait(patience, boot::secondary_arrived)
    });
    boot::forget_secondary();
    arrived
}

/// Waits until `done`, at most `nanoseconds`; whether it is done.
fn wait(nanoseconds: u64, done: impl Fn() -> bool) -> bool {
    let end = now() + nanoseconds;
    while !done() && now() < end {
        lock::spin();
    }
    done()
}

/// Stops this CPU: halted with interrupts off and its interrupt controller disabled, so that only
/// INIT and a start-up interrupt bring it back. After the flag is set it touches no memory.
pub fn stop_this_cpu() -> ! {
    cpu::interrupts_disable();
    timer::disarm();
    ipi::shut_down_cpu();
    let stopped = STOPPED[cpu::current().number()].as_ptr();
    // SAFETY: stores to this CPU's own flag, then never returns.
    unsafe { asm!("mov byte ptr [{}], 1", "2: hlt", "jmp 2b", in(reg) stopped, options(noreturn)) }
}

/// Whether a CPU has stopped and will not touch memory any more.
pub fn cpu_is_stopped(cpu: &PerCpu) -> bool {
    STOPPED[cpu.number()].load(Ordering::Acquire)
}

/// Ends the machine through the device that QEMU has for it, if it is there.
pub fn off(code: u8) {
    // SAFETY: the device ends QEMU; where it is missing nothing happens.
    unsafe { Port::new(EXIT_PORT).write(u32::from(code)) };
}
