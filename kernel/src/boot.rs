//! From the first Rust instruction to the first process.
//!
//! Order: the CPU, the console, what the machine is, memory, interrupts and time, a kernel stack
//! for each CPU; then, on its own stack, the boot CPU brings up the others one by one and starts
//! user space (or the kernel tests).

use core::sync::atomic::Ordering;

use crate::arch::{self, context, cpu, ipi, power, timer};
use crate::lock::{Rank, SpinLock};
use crate::machine::{MachineInfo, machine, set_machine};
use crate::mm::{self, PhysAddr, kernel_map};
use crate::percpu::{CPUS, CpuState, PerCpu};
use crate::{cmdline, initrd, println, symbols};

/// Size of a CPU's kernel stack.
const STACK_SIZE: usize = 32 * 1024;

/// Held while a CPU comes or goes.
pub static HOTPLUG: SpinLock<()> = SpinLock::new(Rank::Hotplug, ());

/// Starts the kernel on the boot CPU. Entry code calls it on a proper stack, with `current()` set
/// to `CPUS[0]` and interrupts off; `boot_arg` is what the loader handed over.
pub fn start(boot_arg: u64) -> ! {
    cpu::init_cpu();
    arch::console::init();
    let mut info = MachineInfo::new();
    arch::machine::discover(boot_arg, &mut info);
    let machine = set_machine(info);
    report(machine);
    arch::machine::remap(|range| {
        let length = range.end - range.start;
        kernel_map::device(PhysAddr(range.start), length as usize) as u64
    });
    mm::init(machine);
    for (number, found) in machine.cpus.as_slice().iter().enumerate() {
        let cpu = &CPUS[number];
        cpu.describe(number, found.hardware_id, found.node);
        cpu.set_state(if number == 0 {
            CpuState::Online
        } else {
            CpuState::Off
        });
    }
    ipi::init_boot();
    ipi::init_cpu();
    timer::init_boot();
    timer::init_cpu();
    let top = kernel_map::stack(STACK_SIZE).expect("kernel stack");
    // SAFETY: the stack was just made for this CPU; `main_boot` uses nothing of the old one.
    unsafe { context::run_on_stack(top, main_boot) }
}

/// Says what the machine is, and what is wrong with it.
fn report(machine: &MachineInfo) {
    println!(
        "veridian: {}, {} CPUs, {} MiB in {} nodes, features: {}",
        cpu::NAME,
        machine.cpus.as_slice().len(),
        machine.memory_size() >> 20,
        machine.nodes,
        cpu::features_line()
    );
    for (a, b) in machine.overlaps.as_slice() {
        println!(
            "warning: {} {:x?} overlaps {} {:x?}",
            a.name, a.range, b.name, b.range
        );
    }
    let dropped = [
        (machine.memory.dropped, "ranges of RAM"),
        (machine.reserved.dropped, "reserved ranges"),
        (machine.overlaps.dropped, "more overlaps"),
        (machine.cpus.dropped, "CPUs"),
    ];
    for (count, what) in dropped.iter().filter(|(count, _)| *count != 0) {
        println!("warning: no room for {count} {what}");
    }
}

/// The boot CPU on its final stack.
extern "C" fn main_boot() -> ! {
    let archive = machine().initrd.clone().map(|range| {
        let length = (range.end - range.start) as usize;
        // SAFETY: the loader put the initrd there, and it is reserved: nobody writes it.
        unsafe { core::slice::from_raw_parts(PhysAddr(range.start).as_ptr::<u8>(), length) }
    });
    let archive = initrd::Archive::new(archive.unwrap_or(&[]));
    if let Some(file) = archive
        .entries()
        .flatten()
        .find(|file| file.name == "symbols")
        && let Err(error) = symbols::init(file.data)
    {
        println!("warning: no names in backtraces: {error:?}");
    }
    for cpu in &CPUS[1..machine().cpus.as_slice().len()] {
        if let Err(error) = bring_up(cpu) {
            println!("warning: cpu {} does not start: {error:?}", cpu.number());
        }
    }
    #[cfg(feature = "ktest")]
    crate::test_framework::run();
    panic_if_asked();
    arch::console::enable_receive_interrupt(cpu::current());
    crate::process::start_first(archive);
    crate::sched::scheduler::start()
}

/// A panic at will, to see one.
#[inline(never)]
fn panic_if_asked() {
    if cmdline::arguments().flag("panic") {
        panic!("the boot argument 'panic' asks for it");
    }
}

/// Starts a CPU that is off and waits until it takes work.
pub fn bring_up(cpu: &'static PerCpu) -> Result<(), power::StartError> {
    let _hotplug = HOTPLUG.lock();
    if cpu.kernel_stack_top.get() == 0 {
        let stack = kernel_map::stack(STACK_SIZE).map_err(|_| power::StartError)?;
        cpu.kernel_stack_top.set(stack);
    }
    // What was asked of the CPU before it stopped is answered; a bit left behind would keep the
    // next request from interrupting it.
    cpu.ipi_pending.store(0, Ordering::SeqCst);
    cpu.set_state(CpuState::Changing);
    if let Err(error) = power::start_cpu(cpu) {
        cpu.set_state(CpuState::Off);
        return Err(error);
    }
    while cpu.state() != CpuState::Online {
        crate::lock::spin();
    }
    Ok(())
}

/// Continues on a CPU that was just started, on its own kernel stack, with interrupts off.
pub fn start_secondary(cpu: &'static PerCpu) -> ! {
    cpu::init_cpu();
    mm::init_cpu();
    ipi::init_cpu();
    timer::init_cpu();
    cpu.set_state(CpuState::Online);
    crate::sched::scheduler::start()
}
